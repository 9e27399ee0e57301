// What was written on this phone: first what waits to be sent, then what became of it.
//
// An operation is { id, kind, subject, party, at, fields }: that much is sent. The phone keeps more with it:
//   member, shop   whose it is; it is never sent for anybody else
//   order          its place among the member's operations
//   minor          what it changes the party's balance by, in minor units, as far as the phone knows
//   state          waiting, done, refused or conflict
//   tries, faults  1 once it may have been sent; how often the server broke over a request that it was part of
//   reason         { code, message, field, current } of a refusal, as the server told it
//   isCorrection   it took the place of a refused one, with the same subject
//   seq, balance, heard   of a done one: its journal line, the party's balance in the answer, that answer's number
//
// `storage` is the table of them:
//   list(member)                a promise of the member's rows, by order
//   change(member, ids, work)   one step, kept for good when the promise resolves: work(rows, last) gets the rows of
//                               `ids` (undefined where there is none) and the highest order that the member has (0 where
//                               there is none), and returns { put, drop } or nothing; it is called again where another
//                               tab was faster; where it throws, nothing is kept and the promise rejects with that
// Reading and writing are one step: two tabs, or a tab and a drain, may want to change the same row.

// What one request may weigh: a minute and a half on the slowest networks.
export const MOST_BYTES = 60000;

export const isRefused = (row) => row.state === "refused" || row.state === "conflict";

// Waits for an answer, whether it was sent or not.
export const isOpen = (row) => row.state !== "done" && !isRefused(row);

// Whether a page of the journal's line `seq` can't know of it; of a page with no line (NaN) nothing is certain.
export const isMissing = (row, seq) => (row.state === "done" ? !(row.seq <= seq) : isOpen(row));

export const partyOf = (row) => row.party || row.subject;

// An operation as it is sent, see khata/sync/operations.py:read. What is new has the operation's own id.
export function pack({ id, kind, subject, party, at, fields }) {
  const packed = [id, kind, at, fields];
  if (party || subject !== id) packed.push(party);
  if (subject !== id) packed.push(subject);
  return packed;
}

export const weight = (row) => new TextEncoder().encode(JSON.stringify(pack(row))).length;

const FRESH = { state: "waiting", tries: 0, faults: 0 };

export function openQueue({ storage, now, newId }) {
  return {
    list: storage.list,

    // Gives the row once it is kept for good. Throws where it is not: then nothing was entered, and the person must
    // hear so. The same id with the same content is a second tap on the same button: still one operation. With other
    // content it is refused here and now, as "used": the server would refuse it too, but days later.
    async add({ member, shop }, { id = newId(), kind, subject = id, party = null, fields, minor = 0 }) {
      let row = { id, kind, subject, party, at: now(), fields, minor, member, shop, ...FRESH };
      if (weight(row) > MOST_BYTES) throw new RangeError("too long");
      await storage.change(member, [id], ([there], last) => {
        row.order = last + 1;
        if (!there) return { put: [row] };
        if (JSON.stringify(there.fields) !== JSON.stringify(fields)) throw new RangeError("used");
        row = there;
      });
      return row;
    },

    // Puts a new operation in the place of a refused one, so that what depends on it still comes after it. `changes`
    // are its new { kind, fields, minor }; what is left out stays. Gives the new row, or nothing where another tab was
    // faster.
    async correct(member, id, changes) {
      let row;
      await storage.change(member, [id], ([old]) => {
        const fresh = { ...FRESH, id: newId(), isCorrection: true, reason: null };
        row = old && isRefused(old) ? { ...old, ...changes, ...fresh } : undefined;
        return row ? { put: [row], drop: [id] } : {};
      });
      return row;
    },

    // Gives whether it is gone. What was sent and not answered may stand in the book already: it goes only if `sure`.
    async throwAway(member, id, sure) {
      let gone = false;
      await storage.change(member, [id], ([row]) => {
        gone = !!row && row.state !== "done" && (sure || !isOpen(row) || !row.tries);
        return gone ? { drop: [id] } : {};
      });
      return gone;
    },

    // Done operations are kept for pages that were made before them: `seq` is the oldest page's that is still kept. To
    // be called while no page is on its way: it may have been made before what would be forgotten.
    async forget(member, seq) {
      const old = (await storage.list(member)).filter((row) => row.state === "done" && row.seq <= seq);
      const drop = old.map((row) => row.id);
      if (drop.length) await storage.change(member, drop, () => ({ drop }));
    },
  };
}

export function count(rows) {
  return { waiting: rows.filter(isOpen).length, refused: rows.filter(isRefused).length };
}
