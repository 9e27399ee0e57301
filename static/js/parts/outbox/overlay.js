// What a page lacks: a kept page may be older than what was written since, and no page knows what still waits.
import { isMissing, isOpen, isRefused, partyOf } from "./queue.js";

// `page` is the number of the journal line that the page was made at, `known` the ids of the entries that it lists,
// `operations` all of the member's. `party` is the party's id, or "cash" for the cash book's own lines. Gives
//   rows      operations to show beside the page's own rows, each with its state
//   delta     what waiting and sent ones add to the page's balance, in minor units
//   balance   the balance to show where the server told a newer one than the page's, else undefined
//   waiting   whether some of it is not known to be written: the balance must be marked
export function overlay(page, party, operations, known = new Set()) {
  const about = operations.filter((row) => party === (row.kind.startsWith("cash.") ? "cash" : partyOf(row)));
  const told = about.filter((row) => row.balance !== undefined);
  const newest = told.reduce((best, row) => (row.heard > best.heard ? row : best), { heard: page });

  // It was sent and written, its answer is still out, but the page has it already. Of a correction nobody can tell: a
  // late copy of what it corrects may have come in after all, under the same id.
  const stands = ({ kind, tries, isCorrection, subject, fields }) =>
    tries && !isCorrection && /record|settle/.test(kind) && (known.has(subject) || known.has(fields.id));
  const rows = about.filter((row) => isRefused(row) || (isMissing(row, page) && !(isOpen(row) && stands(row))));
  const sum = (some) => some.reduce((total, row) => total + row.minor, 0);
  const waiting = rows.filter(isOpen);
  const missing = (seq) => sum(waiting) + sum(rows.filter((row) => row.state === "done" && row.seq > seq));
  const balance = newest.id && newest.balance + missing(newest.heard);
  return { rows, delta: missing(page), balance, waiting: waiting.length > 0 };
}
