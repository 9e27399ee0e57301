// What must hold, whatever happens.

const isOpen = (row) => row.state === "waiting" || row.state === "sending";
const isRefused = (row) => row.state === "refused" || row.state === "conflict";
const laneOf = (row) => row.party || row.subject; // within which the order is kept
export const partyOf = (row) => (row.kind.startsWith("cash.") ? "cash" : row.party || row.subject);

// No kept page, with what is laid over it, shows an old balance that is not marked. Of all parties, or of those named.
export function look(phone, named) {
  const pages = phone.pages.filter((page) => page.member === phone.member);
  if (!pages.length) return;
  const rows = phone.rows(phone.member);
  const facts = [...phone.world.truth.values()].filter((fact) => fact.phone === phone && fact.member === phone.member);
  for (const page of new Set([pages[0], pages[pages.length - 1]])) {
    const parties = named || new Set([...page.balances.keys(), ...rows.map(partyOf)]);
    for (const party of parties) lookAt(phone, page, party, rows, facts);
  }
}

function lookAt(phone, page, party, rows, facts) {
  const { world, server, modules } = phone;
  const shown = modules.overlay(page.seq, party, rows, new Set(page.entries.keys()));
  const listed = new Set(shown.rows.map((row) => row.id));
  let newestOwn = page.seq;
  for (const fact of facts) {
    if (partyOf(fact) !== party || fact.gone || !(fact.accepted || phone.store.has(fact.id))) continue;
    const written = server.operations.get(fact.id);
    const row = phone.store.get(fact.id);
    if (row && isRefused(row)) {
      world.demand(listed.has(fact.id), "a refused one is not to be seen:", fact.id);
    } else if (written && written.seq <= page.seq) {
      // It is in the page. Only where its answer is still out, and the page doesn't list it as the only one that it can
      // be, may it stand beside it.
      const isNew = /record|settle/.test(fact.kind) && !fact.insteadOf;
      const isListed = isNew && page.entries.has(fact.fields.id || fact.subject);
      world.demand(!listed.has(fact.id) || (isOpen(row) && !isListed), "shown twice:", fact.id);
    } else {
      world.demand(listed.has(fact.id), "a page of line", page.seq, "lacks", fact.id);
      if (written) newestOwn = Math.max(newestOwn, written.seq);
      world.demand(written || shown.waiting, "not marked as waiting:", fact.id);
    }
  }
  world.demand(shown.waiting === shown.rows.some(isOpen), "the mark of", party);
  if (party !== "cash") compare(phone, page, party, shown, newestOwn, rows);
}

// The balance is one that the book had, no older than the page and the member's own writes, and what still waits.
function compare(phone, page, party, shown, newestOwn, rows) {
  const { world, server } = phone;
  const heard = rows.filter((row) => row.state === "done" && partyOf(row) === party && row.balance !== undefined);
  const base = Math.max(page.seq, ...heard.map((row) => row.heard));
  const balance = shown.balance === undefined ? (page.balances.get(party) || 0) + shown.delta : shown.balance;
  const untold = shown.rows.filter((row) => row.state === "done" && row.seq > base); // members who may not see balances
  if (!shown.waiting && !untold.length) world.demand(newestOwn <= base, "an old balance of", party);
  const missing = [...shown.rows.filter(isOpen), ...untold].reduce((sum, row) => sum + row.minor, 0);
  const expected = server.balanceAt(party, base) + missing;
  world.demand(balance === expected, "the balance of", party, "is shown as", balance, "not", expected);
}

// Everything a phone kept is in the book once, or stands on the phone with its reason, or was thrown away.
export function reckon(world, server, phones) {
  for (const fact of world.truth.values()) {
    const row = fact.phone.store.get(fact.id);
    const written = server.operations.get(fact.id);
    if (fact.gone) {
      // A copy of its request may have come in after another one had been refused: nobody can call that back.
      world.demand(!written || server.late.has(fact.id) || fact.thrownSure, "thrown away and yet written:", fact.id);
      continue;
    }
    world.demand(row || !fact.accepted || written, "LOST:", fact.kind, fact.id);
    if (!row) continue;
    if (row.state === "done") world.demand(written, "done, but not in the book:", fact.id);
    if (isOpen(row)) world.demand(mayWait(server, fact.phone.rows(fact.member), row), "waits for nothing:", fact.id);
  }
  for (const [id, { member }] of server.operations) {
    world.demand(world.truth.has(id), "nobody wrote", id);
    world.demand(world.truth.get(id).member === member, "written under another member:", id);
  }
  for (const phone of phones) checkOrder(world, server, phone);
  checkBook(world, server);
}

const dependsOn = (later, first) =>
  first.subject === later.subject || first.subject === later.party || (later.subject === first.party);

// Behind a refused one that it depends on, or where the server breaks over it.
function mayWait(server, rows, row) {
  if (server.buggy && row.fields.poison) return true;
  return rows.slice(0, rows.findIndex((other) => other.id === row.id)).some((other) => {
    if (other.state === "done") return false;
    if (isRefused(other)) return dependsOn(row, other);
    if (!mayWait(server, rows, other)) return false;
    return dependsOn(row, other) || (server.buggy && laneOf(other) === laneOf(row));
  });
}

// Whether there is anything that should not wait any longer.
export const restless = (server, rows) => rows.some((row) => isOpen(row) && !mayWait(server, rows, row));

// A party's operations were written in the order they were made in. One that was refused comes when it is corrected,
// but even then before what depends on it.
function checkOrder(world, server, phone) {
  const written = [...world.truth.values()].filter((fact) => fact.phone === phone && server.operations.has(fact.id));
  for (const first of written) {
    for (const later of written) {
      if (first.member !== later.member || laneOf(first) !== laneOf(later) || first.place >= later.place) continue;
      if (first.gone || later.gone || cameLate(server, first)) continue;
      if (!dependsOn(later, first) && mayLag(world, server, first)) continue;
      const inOrder = server.operations.get(first.id).turn < server.operations.get(later.id).turn;
      world.demand(inOrder, later.kind, later.id, "was written before", first.kind, first.id);
    }
  }
}

// A late copy brought in what had been refused and corrected, and what stood behind it.
const cameLate = (server, { insteadOf }) => insteadOf && (server.late.has(insteadOf.id) || cameLate(server, insteadOf));

// Refused once, or behind such a one.
function mayLag(world, server, fact) {
  if (fact.insteadOf || server.refused.has(fact.id)) return true;
  return [...world.truth.values()].some((other) =>
    other.phone === fact.phone && other.member === fact.member && other.place < fact.place &&
    dependsOn(fact, other) && mayLag(world, server, other));
}

function checkBook(world, server) {
  const sums = new Map();
  for (const { party, minor, deleted } of server.entries.values()) {
    if (!deleted) sums.set(party, (sums.get(party) || 0) + minor);
  }
  for (const [id, { balance }] of server.parties) {
    world.demand(balance === (sums.get(id) || 0), "the balance of", id, "is not the sum of its entries");
  }
}

// The phone's list of parties and the server's agree in one number.
export async function checkSum(world, server, modules, sha256) {
  const list = [...server.parties].filter(([, row]) => !row.deleted).map(([id, row]) => [id, row.balance]);
  const sum = await modules.checksum(list.reverse(), sha256);
  world.demand(sum === server.checksum(), "the checksums differ");
}
