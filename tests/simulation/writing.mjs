// What people write: mostly sensible, after what their phone shows them.

// and how often each
export const KINDS = {
  "party.add": 3, "party.edit": 2, "party.delete": 2, "party.restore": 1, "party.settle": 2, "entry.record": 14,
  "entry.edit": 4, "entry.delete": 3, "entry.restore": 2, "cash.record": 2, "cash.delete": 1, "cash.restore": 1,
};

const LONG = "नोट ".repeat(200); // weighs nine bytes a letter on the wire

function amount(random) {
  if (random.chance(0.06)) return "x"; // refused
  return String(random.chance(0.03) ? 2 ** 33 + random.below(2 ** 31) : 1 + random.below(900));
}

function worth({ amount: typed, direction }) {
  const minor = typed === "x" ? 0 : Number(typed);
  return direction === "gave" ? minor : -minor;
}

// What the form says, and what it changes the balance by; nothing where there is nothing to write about. The form of
// something new has the operation's id in it already.
export function compose(phone, kind) {
  const { world } = phone;
  const { random } = world;
  const id = random.chance(0.5) ? world.newId() : undefined;
  const sight = phone.sight();
  const write = { party: ofParty, entry: ofEntry, cash: ofCash }[kind.split(".")[0]];
  const written = write(phone, kind, sight);
  return written && { id, kind, ...written, ...(id && /add|record/.test(kind) ? { subject: id } : {}) };
}

function ofCash({ world }, kind, { cash }) {
  const { random } = world;
  const fields = { direction: random.pick(["gave", "got"]), amount: amount(random) };
  if (kind === "cash.record") return { subject: world.newId(), fields, minor: worth(fields) };
  return cash.size ? { subject: random.pick([...cash.keys()]), fields: {} } : null;
}

// One that the phone shows, or, rarely, one that it can't know of.
function someParty({ world, server }, { parties }) {
  const { random } = world;
  return random.pick(random.chance(0.02) ? [...server.parties.keys(), world.newId()] : [...parties]);
}

function ofParty(phone, kind, sight) {
  const { world, modules } = phone;
  const { random } = world;
  const number = String(random.below(20)); // of few, so that some are taken
  if (kind === "party.add") {
    return { subject: world.newId(), fields: { name: random.chance(0.05) ? "" : "N", phone: number } };
  }
  const subject = someParty(phone, sight);
  if (!subject) return null;
  if (kind === "party.edit") return { subject, fields: { name: "M", phone: number } };
  if (kind !== "party.settle") return { subject, fields: {} };
  const page = sight.page || { seq: 0, balances: new Map() };
  const { balance, delta } = modules.overlay(page.seq, subject, phone.rows(phone.member));
  const expected = balance === undefined ? (page.balances.get(subject) || 0) + delta : balance;
  return { subject, fields: { id: world.newId(), expected_minor: String(expected) }, minor: -expected };
}

function ofEntry(phone, kind, sight) {
  const { world, isTalkative } = phone;
  const { random } = world;
  const poison = random.chance(0.02) ? { poison: "1" } : {}; // see the server's bug
  const fields = { direction: random.pick(["gave", "got"]), amount: amount(random), ...poison };
  if (kind === "entry.record") {
    const party = someParty(phone, sight);
    const said = { ...fields, note: isTalkative ? LONG : "" };
    return party ? { subject: world.newId(), party, fields: said, minor: worth(fields) } : null;
  }
  const some = [...sight.entries].filter(([, entry]) => !entry.deleted === (kind !== "entry.restore"));
  if (!some.length) return null;
  const [subject, { party, minor, version }] = random.pick(some);
  if (kind === "entry.delete") return { subject, party, fields: {}, minor: -minor };
  if (kind === "entry.restore") return { subject, party, fields: {}, minor };
  return { subject, party, fields: { ...fields, version: String(version) }, minor: worth(fields) - minor };
}

// What a person makes of a refused operation.
export function better(row, random) {
  const { kind, reason, minor } = row;
  const fields = { ...row.fields };
  if (fields.name === "") fields.name = "N";
  if (fields.phone) fields.phone = String(random.below(1000));
  if (reason && reason.current) fields.version = String(reason.current.version);
  if (fields.amount !== "x") return { fields, minor };
  fields.amount = "7";
  return { fields, minor: kind === "entry.edit" ? minor : worth(fields) };
}
