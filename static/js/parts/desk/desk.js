// Who works at this page, what they wrote that is not in it yet, and the way to the service worker.
import { openQueue } from "../outbox/queue.js";
import { freshIds, uuid7 } from "../ids.js";
import { drop, get, getSealed, importKey, openRows, sealBytes, set, toBytes } from "../store.js";

const worker = navigator.serviceWorker;
const ANSWERS_WITHIN = 90_000; // longer than a request may take, see worker/sender.js

// Gives what the service worker answers; {} where there is none.
export async function ask(message) {
  const { active } = await worker.ready;
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    active.postMessage(message, [port2]);
    setTimeout(resolve, ANSWERS_WITHIN, { state: "later", wait: 1000 }); // a worker that was ended says nothing more
  });
}

export const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

export const tagged = (page = document) => page.querySelector("[data-tag]");

// { tag, at }: whose the page is, and the journal's line that it was made at; of a page with no such line `at` is NaN.
export function pageTag() {
  const [tag, at] = tagged().dataset.tag.split(":");
  return { tag, at: Number(at) };
}

// The desk of the page's member: { tag, member, shop, key, locks, currency, zone }. Throws where the phone can't keep one.
export async function openDesk() {
  const { tag } = pageTag();
  if (!(await worker.register("/sw.js", { updateViaCache: "all" }))) throw new Error("no service worker");
  const before = await get("open");
  if (before?.tag === tag) return before;
  const answer = await fetch("/sync/desk", { redirect: "manual" });
  if (!answer.ok) await drop("typed"); // another PIN must be chosen first
  const told = await answer.json();
  if (told.tag !== tag) throw new Error("another member");
  const raw = toBytes(told.key);
  const isSame = before?.member === told.member;
  const desk = { ...told, key: isSame ? before.key : await importKey(raw) };
  await keepForPin(desk, raw);
  await set("open", desk);
  if (isSame) for (const name of await caches.keys()) if (name.endsWith(` ${before.tag}`)) await caches.delete(name);
  return desk;
}

// Who came by PIN can come by it again with no network.
async function keepForPin(desk, raw) {
  const typed = await get("typed");
  if (!typed || typed.member !== desk.member) return;
  const { key: _key, ...rest } = desk;
  const sealed = await sealBytes(typed.key, raw);
  await set(`pin ${desk.member}`, { ...sealed, salt: typed.salt, tries: 0, desk: rest });
  await drop("typed");
}

// Gives { desk, queue, rows, add, list, drain, changed, listen }. The listener gets the rows where one is new, and on the
// disk by now, to be painted at once; or nothing, where something else has changed.
export async function sitDown() {
  const desk = await openDesk();
  const queue = openQueue({ storage: openRows(desk.key), now: Date.now, newId: uuid7 });
  const seen = new Map(); // what another tab may have forgotten meanwhile, because its pages are newer than this one
  let changed = () => {};
  let known = [];
  let timer;

  async function rows() {
    let found;
    let before;
    do {
      before = known; // what is written while the others are read must not be missing
      found = await queue.list(desk.member);
    } while (before !== known);
    for (const row of found) if (row.state === "done") seen.set(row.id, row);
    const ids = new Set(found.map(({ id }) => id));
    known = [...[...seen.values()].filter(({ id }) => !ids.has(id)), ...found];
    return known;
  }

  async function add(operation) {
    const row = await queue.add(desk, operation);
    known = [...known.filter(({ id }) => id !== row.id), row];
    changed(known);
    return row;
  }

  const list = async () => (await getSealed(desk.key, `list ${desk.member}`)) || { seq: 0, parties: [] };

  async function drain() {
    clearTimeout(timer);
    const told = await ask({ drain: true });
    if (told.state === "later") {
      timer = setTimeout(drain, told.wait);
      const { sync } = await worker.ready;
      if (sync) sync.register("outbox").catch(() => {});
    }
    return told;
  }

  worker.addEventListener("message", ({ data }) => {
    if (data.left) location.reload();
    else if (data.changed) changed();
  });
  addEventListener("online", drain);
  addEventListener("visibilitychange", () => document.hidden || drain());

  return { desk, queue, rows, add, list, drain, changed: () => changed(), listen: (listener) => (changed = listener) };
}

// A kept page is looked at again at once; what the person typed stays.
export async function renew(changed) {
  const { dataset } = document.documentElement;
  if (!dataset.kept) return;
  const { html, reload, offline } = await ask({ fresh: location.href });
  if (reload) location.reload();
  if (html) {
    dataset.behind = ""; // until what the fresh page lacks is painted, see css
    replace(parsed(html));
  }
  if (!offline) delete dataset.kept;
  await changed();
}

const PIECES = "#balance,#entries,#parties,.sum,.facts,.links,main > .rows";

function replace(fresh) {
  const main = document.querySelector("main");
  const isTouched = [...main.querySelectorAll("input,textarea")].some((field) => field.value !== field.defaultValue && field.type !== "hidden");
  tagged().dataset.tag = tagged(fresh).dataset.tag;
  document.title = fresh.title;
  for (const part of ["h1", ".back"]) {
    const [old, news] = [document, fresh].map((page) => page.querySelector(part));
    if (old && news) old.replaceWith(news);
  }
  if (!isTouched && !main.contains(document.activeElement)) {
    main.replaceWith(fresh.querySelector("main"));
    freshIds(); // the server gives a page that it has kept to another tab too
  } else {
    const news = fresh.querySelectorAll(PIECES);
    const olds = main.querySelectorAll(PIECES);
    if (news.length === olds.length) olds.forEach((old, at) => old.replaceWith(news[at]));
  }
  if (window.htmx) window.htmx.process(document.querySelector("main"));
}
