// One schedule: a shop, its phones, and between 5 and 40 things that happen to them; then everything calms down.
import { createHash } from "node:crypto";

import { checkSum, reckon, restless } from "./checks.mjs";
import { Phone } from "./phone.mjs";
import { Server } from "./server.mjs";
import { World } from "./world.mjs";
import { KINDS, better, compose } from "./writing.mjs";

const SECOND = 1000;
const DAY = 86_400 * SECOND;
const FAULTS = ["lost", "answerLost", "answerCut", "answerLate", "requestLate", "doubled", "killed", "busy", "portal"];
const STEPS = {
  write: 30, writeMany: 0.1, page: 8, look: 4, kill: 5, network: 7, tab: 2, clock: 2, hand: 4, signOut: 1,
  endSession: 2, deploy: 2, others: 6, ban: 2, decide: 8, room: 3, bug: 1, wait: 6,
};
const PAUSES = { instant: 5, moment: 6, breath: 4, minute: 3, hours: 1, weeks: 0.3 };

const sha256 = async (bytes) => {
  const digest = createHash("sha256").update(bytes).digest();
  return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.byteLength);
};

export async function runSchedule(seed, modules, tell) {
  const schedule = new Schedule(seed, modules, tell);
  await schedule.run();
  return schedule.world.counts;
}

class Schedule {
  constructor(seed, modules, tell) {
    this.world = new World(seed, tell);
    this.random = this.world.random;
    this.modules = modules;
    this.server = new Server(this.world);
    this.members = Array.from({ length: 1 + this.random.below(3) }, () => this.world.newId());
    for (const member of this.members) this.server.members.set(member, { active: true, banned: new Set() });
    for (let i = this.random.below(3); i >= 0; i -= 1) this.somebodyElse("party.add");
    this.phones = Array.from({ length: this.random.pick([1, 1, 2, 3]) }, (_, number) =>
      new Phone(this.world, this.server, modules, `phone ${number + 1}`, this.weather()));
    for (const phone of this.phones) {
      phone.handTo(this.random.pick(this.members), null);
      this.signIn(phone);
      phone.fetchPage();
    }
  }

  // Some phones live under a clear sky, some see each fault of one kind, some of all.
  weather() {
    const bad = this.random.pick([0, 0.2, 0.5, 0.8]);
    const some = this.random.chance(0.5) ? FAULTS : [this.random.pick(FAULTS), this.random.pick(FAULTS)];
    const fates = { good: 1 - bad, ...Object.fromEntries(some.map((fault) => [fault, bad / some.length])) };
    return { bad, fates, locks: this.random.chance(0.8) };
  }

  signIn(phone) {
    phone.token = this.world.newId();
    this.server.sessions.set(phone.token, phone.member);
  }

  async run() {
    for (let left = 5 + this.random.below(36); left > 0; left -= 1) {
      await this.pause();
      const phone = this.random.pick(this.phones);
      this[this.random.weighed(STEPS)](phone);
    }
    await this.calmDown();
  }

  async pause() {
    const { random } = this;
    const longest = { instant: 5, moment: 60, breath: 3 * SECOND, minute: 90 * SECOND, hours: DAY, weeks: 60 * DAY };
    const kind = random.weighed(PAUSES);
    // Nobody retries through weeks one by one: what tries for a day without luck is as good as what tries for months.
    const most = kind === "weeks" ? 60 * SECOND : longest[kind];
    await this.world.pass(Math.min(600 * SECOND, random.below(most)));
    this.world.now += kind === "weeks" || kind === "hours" ? random.below(longest[kind]) : 0;
  }

  // --- what a person does

  tabOf(phone) {
    const tabs = phone.tabs.filter((tab) => tab.who.member === phone.member);
    return tabs.length ? this.random.pick(tabs) : phone.open();
  }

  write(phone, kind = this.random.weighed(KINDS)) {
    const tab = this.tabOf(phone);
    const operation = compose(phone, kind);
    if (!operation) return;
    phone.say("writes", kind, operation.subject.slice(-4), JSON.stringify(operation.fields));
    this.add(tab, operation);
    // An impatient finger, or another amount in a form that came back from the browser's memory: with the same ids.
    const { id, fields } = operation;
    if (id && this.random.chance(0.1)) this.add(tab, operation);
    else if (id && this.random.chance(0.05)) this.add(tab, { ...operation, fields: { ...fields, note: "other" } });
  }

  add(tab, operation) {
    tab.try(async () => {
      const row = await tab.queue.add(tab.who, operation);
      const fact = this.world.truth.get(row.id);
      this.world.demand(fact, "says it is kept, but it is not:", row.id);
      const isSame = JSON.stringify(row.fields) === JSON.stringify(operation.fields);
      this.world.demand(isSame, "keeps something else:", row.id);
      fact.accepted = true;
      this.world.count("accepted");
      tab.phone.say("has it for good:", row.id.slice(-4));
      tab.drainSoon();
    });
  }

  writeMany(phone) {
    phone.isTalkative = this.random.chance(0.3);
    for (let left = 20 + this.random.below(60); left > 0; left -= 1) this.write(phone, "entry.record");
    phone.isTalkative = false;
  }

  page(phone) {
    phone.fetchPage();
  }

  // Comes back to the page: another try at once.
  look(phone) {
    for (const tab of phone.tabs) tab.drainSoon();
  }

  kill(phone) {
    phone.say("is killed");
    this.world.count("killed phone");
    phone.kill();
    phone.open();
  }

  network(phone) {
    phone.online = !phone.online;
    phone.say(phone.online ? "is online" : "is offline");
    if (phone.online) this.look(phone);
  }

  tab(phone) {
    if (phone.tabs.length > 1) phone.close(this.random.pick(phone.tabs));
    else phone.open();
  }

  clock(phone) {
    phone.clock = this.random.pick([0, DAY, -DAY, 3650 * DAY]) + this.random.below(SECOND);
    phone.say("has its clock off by", phone.clock);
  }

  hand(phone) {
    this.world.count("handed over");
    const stale = this.random.chance(0.2) && phone.tabs[0]; // another tab still believes in the member before
    const token = this.world.newId();
    const isKnown = phone.online && this.random.chance(0.8);
    const member = this.random.pick(this.members);
    // Hands change with no network too: the server hears of it later, the cookie is still of the one before.
    phone.handTo(member, isKnown ? token : this.random.pick([null, phone.token]));
    if (isKnown) this.server.sessions.set(token, member);
    if (stale) {
      stale.alive = true;
      phone.tabs.push(stale);
      stale.drainSoon();
    }
    phone.fetchPage();
  }

  signOut(phone) {
    phone.say("signs out");
    phone.pages = [];
    this.server.sessions.delete(phone.token);
    phone.token = null;
    phone.reload();
  }

  // Throws away or corrects what was refused; sometimes what still waits.
  decide(phone) {
    const tab = this.tabOf(phone);
    const { random } = this;
    const rows = phone.rows(phone.member).filter((row) => row.state !== "done");
    const refused = rows.filter((row) => row.state === "refused" || row.state === "conflict");
    const row = refused.length && random.chance(0.9) ? random.pick(refused) : rows.length && random.pick(rows);
    if (!row) return;
    if (random.chance(0.6)) this.correct(random.chance(0.2) ? [tab, phone.open()] : [tab], row);
    else this.throwAway(tab, row, random.chance(0.3));
  }

  correct(tabs, row) {
    const { fields, minor } = better(row, this.random);
    for (const tab of tabs) {
      tab.phone.say("corrects", row.kind, row.id.slice(-4), JSON.stringify(fields));
      tab.try(async () => {
        const made = await tab.queue.correct(row.member, row.id, { fields, minor });
        if (!made) return;
        this.world.truth.get(made.id).accepted = true;
        this.world.count("corrected");
        tab.drainSoon();
      });
    }
  }

  throwAway(tab, row, sure) {
    tab.phone.say("throws away", row.kind, row.id.slice(-4), sure ? "for sure" : "");
    tab.try(async () => {
      tab.throwing.set(row.id, sure || tab.throwing.get(row.id));
      const gone = await tab.queue.throwAway(row.member, row.id, sure);
      this.world.demand(!gone || this.world.truth.get(row.id).wasGone, "says it is gone, but it is not:", row.id);
      if (gone) this.world.count("thrown away");
    });
  }

  wait() {}

  // --- what others do

  somebodyElse(kind) {
    const { random, world, server } = this;
    const party = random.pick([...server.parties.keys(), undefined]);
    const entry = random.pick([...server.entries.keys(), undefined]);
    const [amount, phone] = [String(1 + random.below(900)), String(random.below(20))];
    const fields = { direction: random.pick(["gave", "got"]), amount, name: "N", phone };
    const isNew = kind === "party.add" || kind === "entry.record";
    const subject = isNew ? world.newId() : kind.startsWith("party") ? party : entry;
    if (entry) fields.version = String(server.entries.get(entry).version);
    const { balance } = server.parties.get(party) || {};
    if (kind === "party.settle") Object.assign(fields, { id: world.newId(), expected_minor: String(balance) });
    const taken = server.writeDirectly({ kind, subject, party, fields });
    if (taken) world.say("somebody else:", kind, String(subject).slice(-4));
  }

  others() {
    const kinds = Object.keys(KINDS).filter((kind) => !kind.startsWith("cash"));
    for (let left = 1 + this.random.below(3); left > 0; left -= 1) this.somebodyElse(this.random.pick(kinds));
  }

  endSession(phone) {
    if (this.random.chance(0.5)) this.server.sessions.delete(phone.token);
    else this.signIn(phone);
  }

  ban() {
    const member = this.server.members.get(this.random.pick(this.members));
    const kind = this.random.pick(Object.keys(KINDS));
    if (this.random.chance(0.3)) member.active = !member.active;
    else if (!member.banned.delete(kind)) member.banned.add(kind);
  }

  deploy() {
    this.world.say("a new build");
    for (const phone of this.phones) {
      if (this.random.chance(0.5)) phone.pages = [];
      phone.reload();
    }
  }

  room(phone) {
    phone.full = !phone.full && this.random.chance(0.7);
  }

  bug() {
    this.server.buggy = !this.server.buggy;
    this.world.say(this.server.buggy ? "the server gets a bug" : "the bug is mended");
  }

  // --- the end

  async calmDown() {
    const { world, server } = this;
    world.say("--- everything calms down");
    for (const member of server.members.values()) member.active = true;
    const weather = { bad: 0, fates: { good: 1 }, locks: true };
    for (const phone of this.phones) Object.assign(phone, { online: true, full: false, clock: 0, weather });
    await this.everybodyDrains();
    reckon(world, server, this.phones);
    server.buggy = false;
    for (let round = 0; ; round += 1) {
      world.demand(round < 60, "what is refused never ends");
      await this.everybodyDrains();
      if (!(await this.everybodyDecides(round > 2))) break;
    }
    reckon(world, server, this.phones);
    await this.checkEnd();
  }

  async everybodyDrains() {
    await this.world.pass(SECOND); // what was begun is kept
    for (const phone of this.phones) {
      for (const member of this.members) {
        if (!phone.rows(member).some((row) => row.state === "waiting" || row.state === "sending")) continue;
        phone.handTo(member, null);
        this.signIn(phone);
        phone.reload();
        // Where the server breaks over one of them it takes a while until that one is found.
        const waits = () => restless(this.server, phone.rows(member));
        for (let left = 100; left > 0 && waits(); left -= 1) await this.world.pass(200 * SECOND);
      }
    }
  }

  // Gives whether there was anything to decide.
  async everybodyDecides(onlyThrowAway) {
    let some = false;
    for (const phone of this.phones) {
      for (const member of this.members) {
        const refused = phone.rows(member).filter((row) => row.state === "refused" || row.state === "conflict");
        if (!refused.length) continue;
        some = true;
        phone.handTo(member, null);
        for (const row of refused) {
          if (onlyThrowAway || this.random.chance(0.5)) this.throwAway(this.tabOf(phone), row, false);
          else this.correct([this.tabOf(phone)], row);
        }
        await this.world.pass(2 * SECOND);
      }
    }
    return some;
  }

  async checkEnd() {
    const { world, phones, modules, server } = this;
    for (const phone of phones) {
      for (const { id, kind, state } of phone.store.values()) world.demand(state === "done", kind, id, "is", state);
      // Every page that is made from now on has all of it, so nothing needs to be kept.
      phone.kill();
      phone.pages = [];
      for (const member of this.members) await this.leaves(phone, member);
    }
    await checkSum(world, server, modules, sha256);
  }

  async leaves(phone, member) {
    if (!phone.rows(member).length) return;
    const tab = phone.tabs[0] || phone.open();
    this.world.watch(tab.queue.forget(member, this.server.seq));
    await this.world.pass(SECOND);
    this.world.demand(!phone.rows(member).length, "is never forgotten");
  }
}
