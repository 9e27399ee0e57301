// The rules of the real server (khata/sync, khata/ledger, khata/parties), with Maps for tables.
import { createHash } from "node:crypto";

class Refused extends Error {
  constructor(code, status = "refused") {
    super(code);
    Object.assign(this, { code, status });
  }
}

const refuse = (holds, code, status) => {
  if (holds) throw new Refused(code, status);
};

const unpacked = ([id, kind, at, fields, party = null, subject = id]) => ({ id, kind, at, fields, party, subject });

export class Server {
  constructor(world) {
    this.world = world;
    this.shop = world.newId();
    this.seq = 0;
    this.turn = 0;
    this.parties = new Map(); // id -> { name, phone, deleted, balance }
    this.history = new Map(); // party -> [[seq, balance], …]
    this.entries = new Map(); // id -> { party, minor, version, deleted, settles, first }
    this.cash = new Map(); // id -> { minor, deleted, first }
    this.operations = new Map(); // id -> { content, seq, turn, member }
    this.members = new Map(); // id -> { active, banned: kinds that they may not write }
    this.sessions = new Map(); // token -> member
    this.refused = new Set(); // ids that were ever answered "refused" or "conflict"
    this.late = new Set(); // of them, those that a late copy of a request brought in yet
    this.buggy = false; // breaks over what has the field `poison`
    this.undo = [];
  }

  // --- tables that can be rolled back

  set(table, key, value) {
    const before = table.get(key);
    this.undo.push(() => (before === undefined ? table.delete(key) : table.set(key, before)));
    table.set(key, value);
  }

  line() {
    this.undo.push(() => (this.seq -= 1));
    this.seq += 1;
  }

  rollBack(to) {
    while (this.undo.length > to) this.undo.pop()();
  }

  post(party, minor) {
    const row = this.parties.get(party);
    const balance = row.balance + minor;
    this.set(this.parties, party, { ...row, balance });
    const history = this.history.get(party);
    this.undo.push(() => history.pop());
    history.push([this.seq, balance]);
  }

  balanceAt(party, seq) {
    const past = (this.history.get(party) || []).filter(([line]) => line <= seq);
    return past.length ? past[past.length - 1][1] : 0;
  }

  // --- what can be written; each checks, then writes

  party(id) {
    refuse(!this.parties.has(id), "not_found");
    return this.parties.get(id);
  }

  entry(id) {
    refuse(!this.entries.has(id), "not_found");
    return this.entries.get(id);
  }

  refuseTaken(phone, id) {
    for (const [other, row] of this.parties) refuse(phone && other !== id && row.phone === phone, "number_taken");
  }

  write(operation) {
    const { kind, subject, party, fields } = operation;
    const [room, verb] = kind.split(".");
    const write = this[`${room}_${verb}`];
    refuse(!write || !/^(party|entry|cash)$/.test(room), "unknown_kind");
    write.call(this, subject, fields, party);
  }

  party_add(id, { name, phone }) {
    refuse(!name, "invalid");
    const first = JSON.stringify([name, phone]);
    if (this.parties.has(id)) return refuse(this.parties.get(id).first !== first, "already_written", "conflict");
    this.refuseTaken(phone, id);
    this.line();
    this.set(this.parties, id, { name, phone, deleted: false, balance: 0, first });
    if (!this.history.has(id)) this.history.set(id, []);
  }

  party_edit(id, { name, phone }) {
    refuse(!name, "invalid");
    const row = this.party(id);
    this.refuseTaken(phone, id);
    this.line();
    this.set(this.parties, id, { ...row, name, phone });
  }

  party_delete(id) {
    const row = this.party(id);
    if (row.deleted) return;
    refuse(row.balance !== 0, "not_settled");
    this.line();
    this.set(this.parties, id, { ...row, deleted: true });
  }

  party_restore(id) {
    const row = this.party(id);
    if (!row.deleted) return;
    this.refuseTaken(row.phone, id);
    this.line();
    this.set(this.parties, id, { ...row, deleted: false });
  }

  party_settle(id, fields) {
    const row = this.party(id);
    const written = this.entries.get(fields.id);
    if (written) return refuse(written.party !== id || !written.settles, "already_written", "conflict");
    refuse(row.balance !== Number(fields.expected_minor), "balance_changed");
    if (row.balance === 0) return;
    refuse(row.deleted, "party_deleted");
    this.addEntry(fields.id, id, -row.balance, true, "");
  }

  addEntry(id, party, minor, settles, first) {
    this.line();
    this.set(this.entries, id, { party, minor, version: 1, deleted: false, settles, first });
    this.post(party, minor);
  }

  amount({ direction, amount }) {
    refuse(!/^\d+$/.test(amount), "invalid");
    return direction === "gave" ? Number(amount) : -Number(amount);
  }

  entry_record(id, fields, party) {
    const minor = this.amount(fields);
    const row = this.party(party);
    const first = JSON.stringify([party, minor, fields.note]);
    if (this.entries.has(id)) return refuse(this.entries.get(id).first !== first, "already_written", "conflict");
    refuse(row.deleted, "party_deleted");
    this.addEntry(id, party, minor, false, first);
  }

  entry_edit(id, fields) {
    const row = this.entry(id);
    const minor = this.amount(fields);
    refuse(row.version !== Number(fields.version), "changed_meanwhile", "conflict");
    refuse(row.deleted, "entry_deleted");
    if (row.minor === minor) return;
    this.change(id, row, { minor, version: row.version + 1, settles: false }, minor - row.minor);
  }

  entry_delete(id) {
    const row = this.entry(id);
    if (!row.deleted) this.change(id, row, { deleted: true }, -row.minor);
  }

  entry_restore(id) {
    const row = this.entry(id);
    if (row.deleted) this.change(id, row, { deleted: false }, row.minor);
  }

  change(id, row, values, minor) {
    this.line();
    this.set(this.entries, id, { ...row, ...values });
    refuse(this.parties.get(row.party).deleted, "party_deleted"); // found out late: the savepoint takes it back
    this.post(row.party, minor);
  }

  cash_record(id, fields) {
    const minor = this.amount(fields);
    if (this.cash.has(id)) return refuse(this.cash.get(id).first !== minor, "already_written", "conflict");
    this.line();
    this.set(this.cash, id, { minor, deleted: false, first: minor });
  }

  cash_delete(id) {
    this.mark(id, true);
  }

  cash_restore(id) {
    this.mark(id, false);
  }

  mark(id, deleted) {
    refuse(!this.cash.has(id), "not_found");
    const row = this.cash.get(id);
    if (row.deleted === deleted) return;
    this.line();
    this.set(this.cash, id, { ...row, deleted });
  }

  // Somebody at another desk, past every outbox. Gives whether it was taken.
  writeDirectly(operation) {
    try {
      this.write(operation);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.rollBack(0);
      return false;
    }
    this.undo = [];
    return true;
  }

  // --- POST /sync

  take(token, request, killedAfter = Infinity) {
    const member = this.sessions.get(token);
    if (!member) return { status: this.world.random.pick([0, 303, 401]), json: null };
    if (!this.members.get(member).active) return { status: 403, json: null };
    const isSame = request.member === member && request.shop === this.shop;
    if (!isSame) return { status: 409, json: { code: "other_member" } };
    if (request.operations.length > 200) return { status: 422, json: { code: "too_many_operations" } };
    const stopped = new Set();
    const results = [];
    const operations = request.operations.map(unpacked);
    for (const operation of operations) {
      if (results.length === killedAfter || (this.buggy && operation.fields.poison)) {
        this.rollBack(0);
        return { status: results.length === killedAfter ? 502 : 500, json: null };
      }
      const result = this.one(member, operation, stopped);
      this.world.count(result.status);
      this.world.say("server:", operation.id.slice(-4), result.code || result.status);
      results.push(result);
    }
    this.undo = [];
    const told = results.map(({ seq, ...result }) => (seq !== undefined ? seq : result.status === "skipped" ? null : result));
    return { status: 200, json: [this.seq, told, ...this.balances(operations)] };
  }

  one(member, operation, stopped) {
    const { id, kind, subject, party, fields } = operation;
    const names = [subject, party, kind === "party.settle" && fields.id].filter(Boolean);
    const content = JSON.stringify([id, kind, subject, party, fields]);
    const before = this.operations.get(id);
    if (before && before.content === content) return { status: "again", seq: before.seq };
    if (!before && names.some((name) => stopped.has(name))) return { status: "skipped" };
    const savepoint = this.undo.length;
    try {
      refuse(before, "already_written", "conflict");
      refuse(this.members.get(member).banned.has(kind), "forbidden");
      this.write(operation);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.rollBack(savepoint);
      for (const name of names) stopped.add(name);
      this.refused.add(id);
      const { status, code } = refusal;
      const entry = this.entries.get(subject);
      return { status, code, current: status === "conflict" && entry ? { version: entry.version } : undefined };
    }
    this.turn += 1;
    if (this.refused.has(id)) this.late.add(id);
    this.set(this.operations, id, { content, seq: this.seq, turn: this.turn, member });
    return { status: "done", seq: this.seq };
  }

  balances(operations) {
    if (this.world.random.chance(0.05)) return []; // to a member who may not see them
    const of = (id) => (this.parties.has(id) ? this.parties.get(id).balance : null);
    return [operations.map(({ subject, party }) => of(party || subject))];
  }

  // --- what can be read

  page() {
    const balances = new Map([...this.parties].map(([id, row]) => [id, row.balance]));
    return { seq: this.seq, balances, entries: new Map(this.entries), cash: new Map(this.cash) };
  }

  // As khata/sync/checksum.py reckons, with whole numbers of any size.
  checksum() {
    let sum = 0n;
    for (const [id, { balance, deleted }] of this.parties) {
      if (deleted) continue;
      const bytes = Buffer.alloc(24);
      Buffer.from(id.replaceAll("-", ""), "hex").copy(bytes);
      bytes.writeBigInt64BE(BigInt(balance), 16);
      sum += BigInt(`0x${createHash("sha256").update(bytes).digest("hex").slice(0, 12)}`);
    }
    return Number(sum % 2n ** 48n);
  }
}
