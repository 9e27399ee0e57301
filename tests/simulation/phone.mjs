// A phone: what survives on it, what runs on it, and what the network does to it.
import { look, partyOf } from "./checks.mjs";

const DAY = 86_400_000;
const TIMEOUT = 30_000;

export class Phone {
  constructor(world, server, modules, name, weather) {
    Object.assign(this, { world, server, modules, name, weather });
    this.store = new Map(); // IndexedDB: what is in it is durable
    this.token = null; // the session's cookie, the same for all tabs
    this.member = null; // who holds the phone, as its pages know
    this.tabs = [];
    this.pages = []; // kept: { member, seq, balances, entries, cash }
    this.fetching = 0;
    this.life = 0; // from one kill to the next
    this.online = true;
    this.isTalkative = false; // who holds it writes long notes
    this.full = false; // no room left: nothing is kept
    this.clock = 0; // how far its clock is off
    this.holder = null;
    this.queueing = [];
  }

  say(...words) {
    this.world.say(`${this.name}:`, ...words);
  }

  // --- tabs

  open() {
    const tab = new Tab(this, { member: this.member, shop: this.server.shop });
    this.tabs.push(tab);
    tab.drainSoon();
    return tab;
  }

  kill() {
    for (const tab of this.tabs) tab.alive = false;
    this.tabs = [];
    this.fetching = 0;
    this.life += 1;
    this.passOn();
  }

  close(tab) {
    tab.alive = false;
    this.tabs = this.tabs.filter((other) => other !== tab);
    this.passOn();
  }

  reload() {
    const open = Math.max(1, this.tabs.length);
    this.kill();
    for (let i = 0; i < open; i += 1) this.open();
  }

  // Another member takes the phone: nothing that the one before saw stays, unsent operations do.
  handTo(member, token) {
    this.say("is handed to", member, token ? "" : "(with no session)");
    this.member = member;
    this.token = token;
    this.pages = [];
    this.reload();
  }

  // --- Web Locks: given back when the tab ends

  passOn() {
    if (this.holder && this.holder.tab.alive) return;
    this.holder = null;
    while (this.queueing.length && !this.queueing[0].tab.alive) this.queueing.shift();
    const next = this.queueing.shift();
    if (!next) return;
    this.holder = next;
    const done = () => {
      if (this.holder === next) this.holder = null;
      this.passOn();
    };
    const result = Promise.resolve().then(next.work);
    result.then(next.resolve, next.reject);
    result.then(done, done);
  }

  rows(member) {
    const rows = [...this.store.values()].filter((row) => row.member === member);
    return rows.sort((a, b) => a.order - b.order);
  }

  oldestPage(member) {
    return Math.min(...this.pages.filter((page) => page.member === member).map((page) => page.seq));
  }

  // What the member sees: the newest kept page and what was written since.
  sight() {
    const page = this.pages.filter((one) => one.member === this.member).pop();
    const entries = new Map(page ? page.entries : []);
    const cash = new Map(page ? page.cash : []);
    const parties = new Set(page ? page.balances.keys() : []);
    for (const row of this.rows(this.member)) {
      if (row.state === "refused" || row.state === "conflict") continue;
      const { kind, subject, party, minor, fields } = row;
      const entry = entries.get(subject);
      if (kind === "party.add") parties.add(subject);
      if (kind === "cash.record") cash.set(subject, { minor });
      if (kind === "party.settle") entries.set(fields.id, { party: subject, minor, version: 1 });
      if (kind === "entry.record") entries.set(subject, { party, minor, version: 1 });
      if (row.state === "done" && (!page || row.seq <= page.seq)) continue; // the page shows it
      if (kind === "entry.edit" && entry) {
        entries.set(subject, { ...entry, minor: entry.minor + minor, version: entry.version + 1 });
      }
      if ((kind === "entry.delete" || kind === "entry.restore") && entry) {
        entries.set(subject, { ...entry, deleted: kind === "entry.delete" });
      }
    }
    return { page, parties, entries, cash };
  }

  // --- pages

  fetchPage() {
    const { world, server, member, life } = this;
    const answers = server.sessions.get(this.token) === member && server.members.get(member).active;
    if (!this.online || !answers || world.random.chance(this.weather.bad / 2)) return;
    this.fetching += 1;
    world.after(world.random.below(2000), () => {
      const page = { member, ...server.page() };
      world.after(world.random.below(world.random.chance(0.1) ? 20_000 : 500), () => {
        if (this.life !== life) return;
        this.fetching -= 1;
        this.pages.push(page);
        world.count("page");
        this.say("keeps a page of line", page.seq);
        look(this);
        this.clear();
      });
    });
  }

  // A few pages are kept, then the oldest go; and with them what was kept for them.
  clear() {
    const mine = this.pages.filter((page) => page.member === this.member);
    if (mine.length > 3) this.pages = this.pages.filter((page) => page !== mine[0]);
    if (this.fetching || !mine.length || !this.tabs.length) return;
    const tab = this.world.random.pick(this.tabs);
    if (tab.who.member === this.member) tab.try(() => tab.queue.forget(this.member, this.oldestPage(this.member)));
  }
}

export class Tab {
  constructor(phone, who) {
    Object.assign(this, { phone, who, world: phone.world, alive: true, throwing: new Map() });
    const { openQueue, openDrain } = phone.modules;
    const newId = () => this.world.newId();
    const storage = { list: (member) => this.list(member), change: (...all) => this.change(...all) };
    const random = () => this.world.random.fraction();
    const send = (request) => this.send(request);
    const lock = (work) => this.lock(work);
    this.queue = openQueue({ storage, now: () => 1.8e12 + this.world.now + phone.clock, newId });
    this.drain = openDrain({ who, storage, send, lock, random });
  }

  // A promise that only a living tab hears of.
  later(delay, work) {
    return new Promise((resolve, reject) => {
      this.world.after(delay, () => {
        if (!this.alive) return;
        try {
          work(resolve, reject);
        } catch (fault) {
          if (fault.message !== "used") this.world.fault = this.world.fault || fault;
          reject(fault);
        }
      });
    });
  }

  // What a page does that nobody waits for. A full phone may refuse it.
  try(work) {
    this.world.watch(work().catch((fault) => {
      if (fault.name !== "QuotaExceededError" && fault.message !== "used") throw fault;
    }));
  }

  drainSoon() {
    const run = async () => {
      const told = await this.drain();
      if (!this.alive) return;
      this.phone.say("drain:", told.state, told.wait ? `${Math.round(told.wait)} ms` : told.status || "");
      this.world.demand(["empty", "paused", "later"].includes(told.state), "a drain that says", told.state);
      if (told.state === "later") {
        this.world.demand(told.wait >= 1000 && told.wait <= 400_000, "waits", told.wait);
        const timer = (this.timer = {}); // a new one takes the place of the old
        this.world.after(told.wait, () => this.alive && this.timer === timer && this.drainSoon());
      }
    };
    this.world.watch(run());
  }

  lock(work) {
    if (!this.phone.weather.locks) return work(); // an old browser: two drains may run at once
    return new Promise((resolve, reject) => {
      this.phone.queueing.push({ tab: this, work, resolve, reject });
      this.phone.passOn();
    });
  }

  // --- IndexedDB

  list(member) {
    return this.later(this.world.random.below(20), (resolve) => {
      const rows = this.phone.rows(member); // as it is now; when the tab sees it, it may have changed
      this.world.after(this.world.random.below(20), () => this.alive && resolve(rows));
    });
  }

  change(member, ids, work) {
    const { phone } = this;
    return this.later(this.world.random.below(20), (resolve, reject) => {
      const rows = ids.map((id) => phone.store.get(id));
      const last = Math.max(0, ...phone.rows(member).map((row) => row.order));
      const { put = [], drop = [] } = work(rows, last) || {};
      if (phone.full && put.length) {
        this.world.count("quota");
        phone.say("has no room");
        reject(Object.assign(new Error("full"), { name: "QuotaExceededError" }));
        return;
      }
      this.commit(put, drop);
      // It is kept now. Whether the tab lives to hear of it is another matter.
      this.world.after(this.world.random.below(20), () => this.alive && resolve());
    });
  }

  commit(put, gone) {
    const { phone, world } = this;
    const drop = gone.filter((id) => phone.store.has(id));
    const replaced = put.length ? drop : [];
    const place = replaced.length ? world.truth.get(replaced[0]).place : (world.turn += 1);
    const touched = new Set([...drop.map((id) => phone.store.get(id)), ...put].map(partyOf));
    for (const id of drop) {
      this.checkDrop(phone.store.get(id), replaced.includes(id));
      phone.store.delete(id);
    }
    for (const row of put) {
      const others = phone.rows(row.member).filter((other) => other.order === row.order && other.id !== row.id);
      world.demand(!others.length, "two rows in one place:", row.id);
      this.checkPut(phone.store.get(row.id), row);
      phone.store.set(row.id, Object.freeze({ ...row, fields: Object.freeze({ ...row.fields }) }));
      phone.say("keeps", row.kind, row.id.slice(-4), row.state, row.seq || "");
      const insteadOf = world.truth.get(replaced[0]);
      const fact = world.truth.get(row.id);
      if (!fact) world.truth.set(row.id, { ...row, phone, place, insteadOf });
      // Thrown away between two taps on the button, and there again.
      else if (fact.gone) Object.assign(fact, { place, gone: false });
    }
    look(phone, touched);
  }

  checkDrop(row, isReplaced) {
    const { world } = this;
    const fact = world.truth.get(row.id);
    if (row.state === "done") return; // forgotten: the pages show whether too early
    fact.gone = fact.wasGone = true;
    if (isReplaced) {
      world.demand(row.state === "refused" || row.state === "conflict", "corrects what was not refused", row.id);
      return;
    }
    world.demand(this.throwing.has(row.id), "drops what nobody threw away", row.id);
    const isOpen = row.state === "waiting" || row.state === "sending";
    fact.thrownSure = this.throwing.get(row.id);
    world.demand(fact.thrownSure || !isOpen || !fact.sent, "throws away what may be written", row.id);
  }

  checkPut(before, row) {
    const { world, phone } = this;
    const { server } = phone;
    world.demand(row.member && row.shop === server.shop && row.order > 0, "a row of nobody", row.id);
    if (!before) {
      world.demand(row.state === "waiting", "a new row that is not new", row.id);
      return;
    }
    for (const name of ["id", "kind", "subject", "party", "at", "member", "shop", "order", "minor"]) {
      world.demand(before[name] === row[name], "changes", name, "of", row.id);
    }
    world.demand(JSON.stringify(before.fields) === JSON.stringify(row.fields), "changes the content of", row.id);
    world.demand(before.state !== "done" || row.state === "done", "takes back what was done", row.id);
    const isRefused = row.state === "refused" || row.state === "conflict";
    world.demand(!isRefused || server.refused.has(row.id), "calls refused what was not", row.id);
    world.demand(row.state !== "done" || server.operations.has(row.id), "calls done what was not", row.id);
  }

  // --- network

  send(request) {
    const { phone, world } = this;
    const { random } = world;
    const { member, shop, rows } = request;
    const packed = JSON.stringify({ member, shop, operations: rows.map(phone.modules.pack) });
    world.demand(rows.length > 0 && rows.length <= 50, "sends too many");
    world.demand(Buffer.byteLength(packed) < 70_000, "sends too much");
    for (const { id } of rows) {
      const fact = world.truth.get(id);
      world.demand(fact && fact.member === member, "sends for another member", id);
      const row = phone.store.get(id);
      world.demand(!row || row.state === "done" || row.tries > 0, "sends what is not marked", id);
      world.count(fact.sent ? "sent again" : "sent");
      fact.sent = true;
    }
    const fate = phone.online ? random.weighed(phone.weather.fates) : "offline";
    world.count(fate);
    phone.say("sends", rows.map(({ id }) => id.slice(-4)).join(" "), `(${fate})`);
    return new Promise((resolve, reject) => {
      let isOver = false;
      const hear = (delay, answer) => world.after(delay, () => {
        if (!this.alive || isOver) return;
        isOver = true;
        phone.say("hears", answer ? answer.status : "nothing");
        if (answer) resolve(answer);
        else reject(new TypeError("network"));
      });
      this.travel(fate, packed, hear);
    });
  }

  // hear(delay, answer): only the first counts.
  travel(fate, text, hear) {
    const { phone, world } = this;
    const { random } = world;
    const token = phone.token; // a request carries the session that it left with
    const arrive = (delay, then = () => {}, killedAfter) => world.after(delay, () => {
      const request = JSON.parse(text);
      const answer = phone.server.take(token, request, killedAfter);
      if (answer.status === 409) world.count("other member");
      if (answer.status === 500) world.count("broken");
      world.say(`server: ${answer.status}`);
      then(JSON.parse(JSON.stringify(answer)));
    });
    const soon = 20 + random.below(1500);
    const back = 20 + random.below(1500);
    const someTime = random.chance(0.3) ? random.below(3 * DAY) : random.below(120_000);
    hear(TIMEOUT, null);
    if (fate === "offline") hear(5, null);
    if (fate === "good") arrive(soon, (answer) => hear(back, answer));
    if (fate === "lost") hear(random.below(TIMEOUT), null);
    if (fate === "answerLost") arrive(soon, () => hear(random.below(TIMEOUT), null));
    if (fate === "answerCut") arrive(soon, () => hear(back, { status: 200, json: undefined }));
    if (fate === "answerLate") arrive(soon, (answer) => hear(random.below(2 * TIMEOUT), answer));
    if (fate === "requestLate") arrive(TIMEOUT + someTime);
    if (fate === "doubled") {
      arrive(soon, (answer) => hear(back, answer));
      arrive(soon + someTime);
    }
    if (fate === "killed") arrive(soon, (answer) => hear(back, random.chance(0.5) ? answer : null), random.below(4));
    if (fate === "busy") hear(back, { status: random.pick([500, 502, 503, 429]), json: null });
    if (fate === "portal") hear(back, { status: 200, json: random.pick([undefined, null, {}, [], [1, []], [null, [1]], [1, {}]]) });
  }
}
