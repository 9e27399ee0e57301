// Sends the outbox of whoever is in; keeps the phone's list of parties right by the answers.
import { checksum } from "../outbox/checksum.js";
import { openDrain } from "../outbox/drain.js";
import { openQueue, pack, partyOf } from "../outbox/queue.js";
import { all, drop, getSealed, openBytes, openRows, setSealed } from "../store.js";

const TIMEOUT = 60_000;
const COMPARE_EVERY = 300_000; // both sides reckon over all parties

const sha256 = (bytes) => crypto.subtle.digest("SHA-256", bytes);

export function openSender({ ended, forget }) {
  let outbox = {}; // of whoever is in: { tag, storage, drain }

  function outboxOf(desk) {
    if (outbox.tag === desk.tag) return outbox;
    const lock = (work) => (navigator.locks ? navigator.locks.request("outbox", work) : work());
    const storage = openRows(desk.key);
    const drain = openDrain({ who: desk, storage, send: sendFor(desk), lock, random: Math.random });
    outbox = { tag: desk.tag, storage, drain };
    return outbox;
  }

  // With the key goes what was opened with it.
  const close = () => {
    outbox = {};
  };

  const rows = (desk) => outboxOf(desk).storage.list(desk.member);

  async function ask(path, body, headers) {
    const aborting = new AbortController();
    const timer = setTimeout(() => aborting.abort(), TIMEOUT);
    const how = { method: body ? "POST" : "GET", body, headers, cache: "no-store", redirect: "manual", signal: aborting.signal };
    try {
      return await fetch(path, how);
    } finally {
      clearTimeout(timer);
    }
  }

  // --- the list: { seq, whole, parties: [[id, name, phone, kind, minor], …], compared }

  const listOf = ({ key, member }) => getSealed(key, `list ${member}`);
  const setList = ({ key, member }, list) => setSealed(key, `list ${member}`, list);

  // Asked for anew where it is older than a few minutes: others write too.
  async function renewList(desk) {
    const list = await listOf(desk);
    if (!list || Date.now() - list.compared > COMPARE_EVERY) await fetchList(desk, list);
  }

  async function fetchList(desk, old) {
    const answer = await ask("/sync/parties", undefined, old ? { "If-None-Match": old.tag } : {});
    if (answer.status !== 200 && answer.status !== 304) return;
    const fresh = answer.status === 304 ? old : { ...(await answer.json()), tag: answer.headers.get("ETag") };
    await setList(desk, { ...fresh, compared: Date.now() });
  }

  async function updateList(desk, list, rows, [seq, results, balances = [], others = {}, theirs]) {
    const parties = new Map(list.parties.map((party) => [party[0], party]));
    const told = Object.entries(others);
    rows.forEach((row, at) => {
      const { kind, subject, fields } = row;
      const isDone = Number.isInteger(results[at]);
      if (isDone && kind === "party.add") parties.set(subject, [subject, fields.name, fields.phone, fields.kind, 0]);
      if (isDone && kind === "party.delete") parties.delete(subject);
      told.push([partyOf(row), balances[at]]);
    });
    for (const [id, minor] of told) if (parties.has(id) && Number.isInteger(minor)) parties.get(id)[4] = minor;
    const fresh = { ...list, seq, parties: [...parties.values()] };
    if (theirs) {
      const ours = await checksum(fresh.parties.map(([id, , , , minor]) => [id, minor]), sha256);
      if (ours !== theirs) return fetchList(desk);
      fresh.compared = Date.now();
    }
    return setList(desk, fresh);
  }

  // --- the outbox

  const sendFor = (desk) => async ({ rows: sent }) => {
    if (!(await ended())) throw new Error("another session");
    const list = await listOf(desk);
    const compares = list?.whole && Date.now() - list.compared > COMPARE_EVERY;
    const [whose] = /^.{6}/.exec(desk.tag); // without the language, see khata/web/pwa.py
    const answer = await ask("/sync", JSON.stringify([whose, sent.map(pack), ...(compares ? [1] : [])]));
    const json = await answer.json().catch(() => null);
    if (answer.status === 200 && json && list) await updateList(desk, list, sent, json).catch(() => {});
    return { status: answer.status, json };
  };

  async function drain(desk) {
    const { storage, drain: run } = outboxOf(desk);
    const told = await run();
    if (told.state !== "empty") return told;
    await renewList(desk);
    await sendPhotos(desk);
    await openQueue({ storage }).forget(desk.member, await forget(desk));
    return told;
  }

  // After the entries, one at a time; one whose entry was refused waits with it. Any final answer ends it.
  async function sendPhotos(desk) {
    const mine = (await all("photos")).filter(({ member }) => member === desk.member);
    const list = mine.length ? await rows(desk) : [];
    for (const photo of mine) {
      if (list.some((row) => row.subject === photo.entry && row.state !== "done")) continue;
      const form = new FormData();
      form.append("photo", new Blob([await openBytes(desk.key, photo)], { type: "image/jpeg" }), "photo.jpg");
      const how = { method: "POST", body: form, redirect: "manual", headers: { Accept: "application/json" } };
      const { status } = await fetch(`/entries/${photo.entry}/photo`, how);
      if ([204, 403, 404, 409, 413, 422].includes(status)) await drop(photo.entry, "photos");
    }
  }

  return { rows, drain, renewList, close };
}
