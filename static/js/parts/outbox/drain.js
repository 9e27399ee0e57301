// Brings the operations of one member to the server: in batches, in order, until each of them is answered.
//
// Nothing that was not answered with its line of the journal counts as written, and what is not answered is sent once more:
// the server takes an operation once, however often it comes. So a crash, a lost answer, even two drains at once cost
// bytes and nothing else; the lock saves those.
import { MOST_BYTES, isOpen, partyOf, weight } from "./queue.js";

const MOST = 50;
const LONGEST_WAIT_SECONDS = 300;

// No session, not allowed, sent away to sign in (a redirect that is not followed has status 0), another member.
const isPause = (status) => status < 200 || (status >= 300 && status < 400) || [401, 403, 409].includes(status);

// The next operations to send, at most `most` of them.
export function choose(rows, most) {
  // What depends on a refused operation waits until a person has decided. Only that: later entries of the same party
  // go on, but none for a party that is itself refused, and no settling of a balance that lacks an entry.
  const subjects = new Set();
  const parties = new Set();
  // Where the server breaks, one of the batch may be the cause. Each of them is blamed, and those with the least
  // blame go first, so that one bad operation is left alone in the end. A party's later ones don't overtake it.
  const blame = new Map();
  const free = [];
  for (const row of rows) {
    if (row.state === "done") continue;
    if (!isOpen(row) || subjects.has(row.subject) || subjects.has(row.party) || parties.has(row.subject)) {
      subjects.add(row.subject);
      parties.add(row.party);
    } else {
      const faults = Math.max(row.faults, blame.get(partyOf(row)) || 0);
      blame.set(partyOf(row), faults);
      free.push([row, faults]);
    }
  }
  const least = Math.min(...free.map(([, faults]) => faults));
  const batch = [];
  let bytes = 0;
  for (const [row, faults] of free) {
    if (faults > least) continue;
    bytes += weight(row);
    if (batch.length && (batch.length >= most || bytes > MOST_BYTES)) break;
    batch.push(row);
  }
  return batch;
}

// What became of a row, by its part of the answer.
function judged(row, result, balance, seq) {
  if (Number.isInteger(result)) return { ...row, state: "done", reason: null, seq: result, balance: balance ?? undefined, heard: seq };
  if (!isOpen(row)) return row;
  const { status, ...reason } = result || {};
  return { ...row, state: status === "refused" || status === "conflict" ? status : "waiting", reason };
}

// `who` is { member, shop }; send({ member, shop, rows }) gives { status, json } or throws, in a bounded time; `json` is
// [seq, results, balances], as khata/sync/views.py:take answers: results and balances in the order of the rows.
// lock(work) gives what work() gives, once no other tab is at it; random() is from 0 to 1.
export function openDrain({ who, storage, send, lock, random }) {
  let most = MOST;
  let failures = 0;
  let running = Promise.resolve();
  let next;

  const change = (batch, work) => storage.change(who.member, batch.map((row) => row.id), work);

  // Kept before it is sent: what may be on its way can't be thrown away as if it had never left. Gives whether all of it
  // waits still.
  async function mark(batch) {
    let fresh;
    await change(batch, (rows) => {
      fresh = rows.every((row) => row && isOpen(row));
      return fresh && { put: rows.filter((row) => !row.tries).map((row) => ({ ...row, tries: 1 })) };
    });
    return fresh;
  }

  const blame = (batch) =>
    change(batch, (rows) => {
      const open = rows.filter((row) => row && isOpen(row));
      return { put: open.map((row) => ({ ...row, faults: row.faults + 1 })) };
    });

  // Gives whether the answer brought anything further.
  async function take(batch, [seq, results, balances = []]) {
    let moved;
    await change(batch, (rows) => {
      const put = rows.map((row, at) => row && judged(row, results[at], balances[at], seq)).filter(Boolean);
      moved = put.filter(isOpen).length < rows.length;
      return { put };
    });
    return moved;
  }

  // Smaller batches too: on a bad network a large one may never come through.
  function later() {
    failures += 1;
    most = Math.ceil(most / 2);
    const seconds = Math.min(LONGEST_WAIT_SECONDS, 2 ** failures);
    return { state: "later", wait: seconds * 1000 * (0.75 + random() / 2) };
  }

  async function run() {
    for (;;) {
      const batch = choose(await storage.list(who.member), most);
      if (!batch.length) return { state: "empty" };
      if (!(await mark(batch))) continue; // another tab was here: look again
      let answer;
      try {
        answer = await send({ ...who, rows: batch });
      } catch {
        return later();
      }
      const { status, json } = answer;
      if (isPause(status)) return { state: "paused", status };
      if (status !== 200 || !Array.isArray(json) || !Number.isInteger(json[0]) || !Array.isArray(json[1])) {
        await blame(batch);
        return later();
      }
      if (!(await take(batch, json))) return later();
      failures = 0;
      most = Math.min(MOST, most * 2);
    }
  }

  // Gives { state: "empty" }, { state: "paused", status } until the member is back, or { state: "later", wait }
  // in milliseconds. Asking again while one waits for its turn is asking once; while one runs, it is one run more,
  // because the running one may have looked already.
  return () => {
    if (next) return next;
    next = running = running.then(() => lock(() => {
      next = null;
      return run();
    })).catch(() => {
      next = null; // the phone's own storage fails: nothing is lost, but nothing can be noted either
      return later();
    });
    return next;
  };
}
