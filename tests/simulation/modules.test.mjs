// Each part of the outbox alone, and what the simulation can't meet by chance.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { checksum, mix } from "../../static/js/parts/outbox/checksum.js";
import { choose, openDrain } from "../../static/js/parts/outbox/drain.js";
import { overlay } from "../../static/js/parts/outbox/overlay.js";
import { count, openQueue, pack } from "../../static/js/parts/outbox/queue.js";

const who = { member: "m", shop: "s" };

function table(...rows) {
  const kept = new Map(rows.map((row) => [row.id, row]));
  const list = async (member) => [...kept.values()].filter((row) => row.member === member).sort((a, b) => a.order - b.order);
  return {
    kept,
    list,
    async change(member, ids, work) {
      const last = Math.max(0, ...(await list(member)).map((row) => row.order));
      const { put = [], drop = [] } = work(ids.map((id) => kept.get(id)), last) || {};
      for (const id of drop) kept.delete(id);
      for (const row of put) kept.set(row.id, row);
    },
  };
}

let made = 0;
const open = (storage) => openQueue({ storage, now: () => 1000, newId: () => `new${(made += 1)}` });
const entry = (id, party = "p") => ({ id, kind: "entry.record", subject: `e-${id}`, party, fields: { amount: "1" }, minor: 100 });
const row = (id, order, more = {}) =>
  ({ ...entry(id), member: "m", shop: "s", at: 1000, order, state: "waiting", tries: 0, faults: 0, ...more });
const ids = (rows) => rows.map(({ id }) => id).join(" ");
const states = (storage) => [...storage.kept.values()].map(({ id, state }) => `${id} ${state}`).join(", ");

// Runs the drain against answers, in turn: a function of the rows, or an error to throw.
function drain(storage, ...answers) {
  const sent = [];
  const send = async ({ member, shop, rows }) => {
    assert.deepEqual({ member, shop }, who);
    sent.push(ids(rows));
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer(rows);
  };
  return { sent, run: openDrain({ who, storage, send, lock: (work) => work(), random: () => 0.5 }) };
}

const all = (result) => (rows) => ({ status: 200, json: [9, rows.map(() => result), rows.map(() => 7)] });
const plain = (status, json = null) => () => ({ status, json });

// --- queue

test("an operation is kept with what the phone needs to know of it", async () => {
  const storage = table();
  const made = await open(storage).add(who, entry("a"));
  assert.deepEqual(storage.kept.get("a"), row("a", 1));
  assert.equal(made.id, "a");
  await open(storage).add(who, { ...entry(undefined), minor: undefined });
  assert.deepEqual((await storage.list("m")).map(({ order, minor }) => [order, minor]), [[1, 100], [2, 0]]);
});

test("what is not kept was not entered", async () => {
  const storage = table();
  storage.change = () => Promise.reject(new Error("full"));
  await assert.rejects(open(storage).add(who, entry("a")), /full/);
  await assert.rejects(open(table()).add(who, { ...entry("a"), fields: { note: "x".repeat(60000) } }), /too long/);
});

test("a second tap is the same operation, another amount under its id is none", async () => {
  const storage = table();
  const queue = open(storage);
  await Promise.all([queue.add(who, entry("a")), queue.add(who, entry("a"))]);
  await assert.rejects(queue.add(who, { ...entry("a"), fields: { amount: "2" } }), /used/);
  assert.equal(states(storage), "a waiting");
});

test("a correction takes the place of what was refused", async () => {
  const storage = table(row("a", 1, { state: "refused", reason: { code: "x" }, tries: 3, faults: 1 }), row("b", 2));
  const made = await open(storage).correct("m", "a", { fields: { amount: "2" }, minor: 200 });
  const { id, reason, ...rest } = made;
  const { id: before, ...expected } = row("a", 1, { fields: { amount: "2" }, minor: 200 });
  assert.deepEqual(rest, { ...expected, isCorrection: true });
  assert.equal(reason, null);
  assert.equal(ids(await storage.list("m")), `${id} b`);
  assert.equal(await open(storage).correct("m", before, {}), undefined);
  assert.equal(await open(storage).correct("m", "b", {}), undefined);
});

test("with nothing changed a correction is another try", async () => {
  const storage = table(row("a", 1, { state: "conflict" }));
  const made = await open(storage).correct("m", "a", {});
  assert.deepEqual([made.kind, made.fields, made.minor, made.state], ["entry.record", { amount: "1" }, 100, "waiting"]);
});

test("what may stand in the book goes only for sure", async () => {
  const throwAway = async (more, sure) => open(table(row("a", 1, more))).throwAway("m", "a", sure);
  assert.equal(await throwAway({}), true);
  assert.equal(await throwAway({ state: "refused", tries: 1 }), true);
  assert.equal(await throwAway({ state: "conflict", tries: 1 }), true);
  assert.equal(await throwAway({ state: "sending", tries: 1 }), false);
  assert.equal(await throwAway({ tries: 1 }), false);
  assert.equal(await throwAway({ tries: 1 }, true), true);
  assert.equal(await throwAway({ state: "done", tries: 1 }, true), false);
  assert.equal(await open(table()).throwAway("m", "a", true), false);
});

test("only done operations of old lines are forgotten", async () => {
  const done = (seq) => ({ state: "done", seq });
  const storage = table(row("a", 1, done(4)), row("b", 2, done(5)), row("c", 3, done(6)), row("d", 4), row("e", 5, { state: "refused" }));
  await open(storage).forget("m", 5);
  assert.equal(states(storage), "c done, d waiting, e refused");
});

test("counts what waits and what was refused", () => {
  const some = ["waiting", "sending", "done", "refused", "conflict"].map((state, at) => row(state, at, { state }));
  assert.deepEqual(count(some), { waiting: 2, refused: 2 });
});

// --- drain

test("what was answered is done, with its line, balance and the answer's number", async () => {
  const storage = table(row("a", 1), row("b", 2), row("c", 3));
  const { sent, run } = drain(storage, plain(200, [9, [5, 6, 7], [0, null, 7]]));
  assert.deepEqual(await run(), { state: "empty" });
  assert.deepEqual(sent, ["a b c"]);
  const told = [...storage.kept.values()].map(({ state, seq, balance, heard }) => [state, seq, balance, heard]);
  assert.deepEqual(told, [["done", 5, 0, 9], ["done", 6, undefined, 9], ["done", 7, 7, 9]]);
});

test("results are in the order of what was sent; what has none waits", async () => {
  const storage = table(row("a", 1), row("b", 2), row("c", 3), row("d", 4));
  const { run } = drain(storage, plain(200, [3, [{ status: "never heard of" }, 3, null]]), new Error("network"));
  assert.equal((await run()).state, "later");
  assert.equal(states(storage), "a waiting, b done, c waiting, d waiting");
});

test("what is sent names each thing once", () => {
  const settle = { ...row("s", 1), kind: "party.settle", subject: "p", party: null };
  assert.deepEqual(pack({ ...row("a", 1), subject: "a" }), ["a", "entry.record", 1000, { amount: "1" }, "p"]);
  assert.deepEqual(pack({ ...row("a", 1), subject: "a", party: null }), ["a", "entry.record", 1000, { amount: "1" }]);
  assert.deepEqual(pack(row("b", 1)), ["b", "entry.record", 1000, { amount: "1" }, "p", "e-b"]);
  assert.deepEqual(pack(settle), ["s", "party.settle", 1000, { amount: "1" }, null, "p"]);
});

test("a refusal is kept as it was told", async () => {
  const storage = table(row("a", 1));
  await drain(storage, all({ status: "refused", code: "invalid", message: "No.", field: "amount" })).run();
  assert.deepEqual(storage.kept.get("a").reason, { code: "invalid", message: "No.", field: "amount" });
});

for (const status of [0, 303, 401, 403, 409]) {
  test(`it pauses at ${status}`, async () => {
    const storage = table(row("a", 1));
    const told = await drain(storage, plain(status, { code: "other_member" })).run();
    assert.deepEqual(told, { state: "paused", status });
    assert.deepEqual([storage.kept.get("a").state, storage.kept.get("a").faults], ["waiting", 0]);
  });
}

const NOT_ANSWERS = [
  [500, null], [502, undefined], [422, { code: "no_operations" }], [429, null], [404, null], [200, null], [200, undefined], [200, "text"],
  [200, []], [200, {}], [200, [1]], [200, [1, {}]], [200, [null, [5]]], [200, ["x", [5]]], [200, [1, []]], [200, [1, [null], [7]]],
];
for (const [status, json] of NOT_ANSWERS) {
  test(`${status} ${JSON.stringify(json)} is no answer`, async () => {
    const storage = table(row("a", 1));
    assert.equal((await drain(storage, plain(status, json)).run()).state, "later");
    assert.equal(storage.kept.get("a").state, "waiting");
  });
}

test("waits grow from two seconds to five minutes, and start anew after an answer", async () => {
  const storage = table(row("a", 1));
  const { run } = drain(storage, ...Array.from({ length: 10 }, () => new Error("network")), all(8), new Error("network"));
  const waits = [];
  for (let i = 0; i < 10; i += 1) waits.push((await run()).wait / 1000);
  assert.deepEqual(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  await run();
  storage.kept.set("b", row("b", 2));
  assert.equal((await run()).wait, 2000);
});

test("waits are not the same on all phones", async () => {
  const wait = async (random) => {
    const send = () => Promise.reject(new Error("network"));
    return (await openDrain({ who, storage: table(row("a", 1)), send, lock: (work) => work(), random: () => random })()).wait;
  };
  assert.deepEqual([await wait(0), await wait(0.5)], [1500, 2000]);
});

test("a bad network gets smaller batches", async () => {
  const storage = table(...Array.from({ length: 60 }, (_, at) => row(`r${at}`, at)));
  const failing = [new Error("network"), new Error("network"), new Error("network")];
  const { sent, run } = drain(storage, ...failing, ...Array.from({ length: 9 }, () => all(8)));
  for (let i = 0; i < 4; i += 1) await run();
  assert.deepEqual(sent.map((some) => some.split(" ").length), [50, 25, 13, 7, 14, 28, 11]);
});

test("a lock that fails once is no end", async () => {
  const storage = table(row("a", 1));
  const { sent } = drain(storage);
  let broken = true;
  const lock = async (work) => {
    if (broken) throw new Error("not now");
    return work();
  };
  const send = async ({ rows }) => all(8)(rows);
  const run = openDrain({ who, storage, send, lock, random: () => 0 });
  assert.equal((await run()).state, "later");
  broken = false;
  assert.equal((await run()).state, "empty");
  assert.equal(states(storage), "a done");
  assert.deepEqual(sent, []);
});

test("what is written while a run ends is sent by the next one", async () => {
  const storage = table(row("a", 1));
  const { sent, run } = drain(storage, all(8), all(8));
  const { list } = storage;
  let second;
  storage.list = async (member) => {
    const rows = await list(member);
    if (sent.length === 1 && !second) {
      storage.kept.set("b", row("b", 2)); // after that look
      second = run();
    }
    return rows;
  };
  await run();
  await second;
  assert.deepEqual(sent, ["a", "b"]);
});

test("a late refusal changes nothing that is done, a late answer that it was written does", async () => {
  const answer = async (state, result) => {
    const storage = table(row("a", 1));
    await drain(storage, (rows) => {
      storage.kept.set("a", row("a", 1, { state, seq: 4 })); // another tab was faster
      return all(result)(rows);
    }).run();
    return storage.kept.get("a").state;
  };
  assert.equal(await answer("done", { status: "refused" }), "done");
  assert.equal(await answer("refused", 8), "done");
  assert.equal(await answer("refused", { status: "conflict" }), "refused");
});

test("what was thrown away meanwhile does not come back", async () => {
  const storage = table(row("a", 1));
  await drain(storage, (rows) => {
    storage.kept.clear();
    return all(8)(rows);
  }).run();
  assert.equal(storage.kept.size, 0);
});

test("what depends on a refused one waits, the rest goes on", () => {
  const refused = row("a", 1, { state: "refused" });
  const of = (...rows) => ids(choose([refused, ...rows], 50));
  assert.equal(of(row("b", 2)), "b"); // another entry of the same party
  assert.equal(of(row("b", 2, { kind: "entry.edit", subject: "e-a" })), "");
  assert.equal(of(row("b", 2, { kind: "party.settle", subject: "p", party: null }), row("c", 3)), ""); // and what comes behind it
  const add = row("a", 1, { state: "conflict", kind: "party.add", subject: "p", party: null });
  assert.equal(ids(choose([add, row("b", 2), row("c", 3, { party: "q" })], 50)), "c");
});

test("at most fifty, at most 60 KB, at least one", () => {
  const many = Array.from({ length: 60 }, (_, at) => row(`r${at}`, at));
  assert.equal(choose(many, 50).length, 50);
  const long = many.map((one) => ({ ...one, fields: { note: "न".repeat(1000) } }));
  assert.equal(choose(long, 50).length, 19); // 3 KB each
  assert.equal(choose([{ ...many[0], fields: { note: "x".repeat(70000) } }], 50).length, 1);
});

test("who broke the server is found, and stands alone", async () => {
  const storage = table(...Array.from({ length: 40 }, (_, at) => row(`r${at}`, at, { party: `p${at}` })));
  const send = async ({ rows }) => (ids(rows).split(" ").includes("r17") ? plain(500)() : all(8)(rows));
  const run = openDrain({ who, storage, send, lock: (work) => work(), random: () => 0 });
  for (let tries = 0; tries < 20; tries += 1) await run();
  assert.equal(ids((await storage.list("m")).filter((one) => one.state !== "done")), "r17");
});

// --- overlay

test("a page lacks what waits and what was written after it", () => {
  const rows = [row("a", 1, { state: "done", seq: 5 }), row("b", 2, { state: "done", seq: 6 }), row("c", 3, { state: "sending" }),
    row("d", 4), row("e", 5, { state: "refused" }), row("f", 6, { party: "q" })];
  const { rows: shown, ...sums } = overlay(5, "p", rows);
  assert.equal(ids(shown), "b c d e");
  assert.deepEqual(sums, { delta: 300, balance: undefined, waiting: true });
});

test("the newest balance that the server told counts, zero too", () => {
  const told = (balance, heard) => ({ state: "done", seq: 6, balance, heard });
  const rows = [row("a", 1, told(0, 8)), row("b", 2, told(50, 7))];
  assert.deepEqual(overlay(5, "p", rows), { rows, delta: 200, balance: 0, waiting: false });
  assert.equal(overlay(5, "p", [...rows, row("c", 3)]).balance, 100);
  assert.equal(overlay(8, "p", rows).balance, undefined);
  assert.equal(overlay(5, "p", [row("a", 1, told(undefined, 8))]).balance, undefined);
});

test("an entry that the page lists already is not counted twice", () => {
  const known = new Set(["e-a", "e-s"]);
  const settle = row("s", 2, { kind: "party.settle", subject: "p", party: null, fields: { id: "e-s" }, tries: 1 });
  assert.equal(ids(overlay(5, "p", [row("a", 1, { tries: 1 }), settle], known).rows), "");
  assert.equal(ids(overlay(5, "p", [row("a", 1)], known).rows), "a"); // never sent: not that one
  assert.equal(ids(overlay(5, "p", [row("a", 1, { tries: 1, isCorrection: true })], known).rows), "a");
  assert.equal(ids(overlay(5, "p", [row("a", 1, { tries: 1, state: "refused" })], known).rows), "a");
  assert.equal(ids(overlay(5, "p", [row("b", 1, { kind: "entry.delete", subject: "e-a", tries: 1 })], known).rows), "b");
});

test("the cash book has lines of its own", () => {
  const cash = row("a", 1, { kind: "cash.record", subject: "c", party: null });
  assert.equal(ids(overlay(5, "cash", [cash, row("b", 2)]).rows), "a");
});

// --- checksum

const sha256 = async (bytes) => Uint8Array.from(createHash("sha256").update(bytes).digest()).buffer;
const vectors = JSON.parse(readFileSync(new URL("../sync/checksum.json", import.meta.url)));

for (const { name, parties, checksum: expected } of vectors) {
  test(`the checksum is the server's: ${name}`, async () => {
    assert.equal(await checksum(parties, sha256), expected);
    assert.equal(await checksum([...parties].reverse(), sha256), expected);
  });
}

test("the mix is as the protocol says", async () => {
  const bytes = Buffer.alloc(24);
  bytes.writeBigInt64BE(-5_000_000_001n, 16);
  const expected = createHash("sha256").update(bytes).digest().readUIntBE(0, 6);
  assert.equal(await mix("00000000-0000-0000-0000-000000000000", -5_000_000_001, sha256), expected);
});
