// Time that is not real, and dice that fall the same way for the same seed.

export class Random {
  constructor(seed) {
    this.state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.floor(seed / 2 ** 32);
    for (let i = 0; i < 4; i += 1) this.fraction();
  }

  // mulberry32
  fraction() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  below(n) {
    return Math.floor(this.fraction() * n);
  }

  chance(p) {
    return this.fraction() < p;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  // One of the keys, as often as its number says.
  weighed(table) {
    let at = this.fraction() * Object.values(table).reduce((sum, weight) => sum + weight, 0);
    for (const [key, weight] of Object.entries(table)) {
      at -= weight;
      if (at < 0) return key;
    }
    return Object.keys(table)[0];
  }
}

export class Violation extends Error {}

// All promises that can go on have gone on.
const settled = () => new Promise(setImmediate);

export class World {
  constructor(seed, tell) {
    this.random = new Random(seed);
    this.tell = tell;
    this.now = 0;
    this.turn = 0;
    this.made = 0;
    this.events = [];
    this.truth = new Map(); // every operation that a phone ever kept, by id
    this.counts = {};
  }

  say(...words) {
    if (this.tell) this.tell(`${(this.now / 1000).toFixed(3).padStart(12)} s  ${words.join(" ")}`);
  }

  count(what) {
    this.counts[what] = (this.counts[what] || 0) + 1;
  }

  newId() {
    this.made += 1;
    return `00000000-0000-7000-8000-${this.made.toString(16).padStart(12, "0")}`;
  }

  after(delay, run) {
    const event = { at: this.now + delay, turn: (this.turn += 1), run };
    let place = this.events.length;
    while (place > 0 && this.events[place - 1].at <= event.at) place -= 1;
    this.events.splice(place, 0, event); // the next one stands last
  }

  // Lets time pass; an error in anything that happens meanwhile comes out here.
  async pass(duration, mostEvents = 5000) {
    const end = this.now + duration;
    for (let left = mostEvents; ; left -= 1) {
      await settled();
      if (this.fault) throw this.fault;
      const next = this.events[this.events.length - 1];
      if (!next || next.at > end) break;
      if (!left) throw new Violation("it does not come to rest");
      this.events.pop();
      this.now = Math.max(this.now, next.at);
      next.run();
    }
    this.now = Math.max(this.now, end);
  }

  // For promises that nobody waits for.
  watch(promise) {
    promise.catch((fault) => {
      this.fault = this.fault || fault;
    });
  }

  demand(holds, ...words) {
    if (holds) return;
    this.fault = this.fault || new Violation(words.join(" ")); // the modules may swallow what is thrown at them
    throw this.fault;
  }
}
