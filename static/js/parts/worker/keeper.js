// Pages that the phone has seen, sealed with their member's key; the files that they need; the door when nobody is in.
// A page is kept where its data-tag says whose it is and at which line of the journal it was made, see khata/web/pwa.py.

import { isMissing } from "../outbox/queue.js";
import { drop, get, seal, unseal } from "../store.js";

const MOST_PAGES = 60;
const SHELL = "/outbox"; // what is shown in the place of a page that the phone has not seen
const OFFLINE = "/offline"; // and where nobody is in
const address = (path) => new URL(path, location.origin).href;
const WARM = [SHELL, "/", "/parties/new?kind=customer", "/cash"].map(address);
const MARKS = /<(?:body|nav)[^>]* data-tag="([^":]*):(\d+)"/;
const HTML = /^text\/html/;
const STYLE = /<link rel="stylesheet" href="([^"]+)">/;

export function openKeeper(build) {
  const PAGES = `pages ${build}`;
  const pagesOf = (desk) => caches.open(`${PAGES} ${desk.tag}`);
  const FILES = `files ${build}`;
  const DOOR = "door";

  // --- files

  async function fill(files) {
    await (await caches.open(FILES)).addAll([...files, OFFLINE]); // of one build: it names the style
    const desk = await get("open");
    if (desk) await warm(desk).catch(() => {});
  }

  // What other builds kept goes once this one has what it needs.
  async function clean() {
    for (const name of await caches.keys()) if (!name.startsWith(PAGES) && ![FILES, DOOR].includes(name)) await caches.delete(name);
  }

  const file = async (request) => (await caches.match(request)) || fetch(request);

  // --- pages

  async function find(desk, href) {
    const kept = await (await pagesOf(desk)).match(href);
    if (!kept) return undefined;
    const bytes = new Uint8Array(await kept.arrayBuffer());
    return unseal(desk.key, { iv: bytes.slice(0, 12), data: bytes.slice(12) }).catch(() => undefined); // somebody else's
  }

  // The oldest go first. Where there is no room all the same, half of them make some.
  async function put(pages, href, response) {
    const keys = await pages.keys();
    const others = keys.filter(({ url }) => url !== href && !WARM.includes(url));
    const dropFirst = (count) => Promise.all(others.slice(0, count).map((key) => pages.delete(key)));
    await dropFirst(Math.max(0, keys.length - MOST_PAGES));
    await pages.delete(href); // so that it stands last
    try {
      await pages.put(href, response.clone());
    } catch {
      await dropFirst(Math.ceil(others.length / 2));
      await pages.put(href, response).catch(() => {});
    }
  }

  // Gives the page's text where it is the member's own and can be kept.
  async function keep(desk, href, answer) {
    if (!HTML.test(answer.headers.get("Content-Type"))) return undefined;
    const text = await answer.text();
    const [, tag, at] = MARKS.exec(text) || [];
    if (tag !== desk.tag || answer.redirected) return undefined;
    const headers = [...answer.headers].filter(([name]) => /policy|^x-|^content-type$/.test(name));
    const page = { text, headers, at: Number(at), time: Date.now(), tag: answer.headers.get("ETag") };
    await save(desk, href, page);
    return text;
  }

  async function save(desk, href, page) {
    const { iv, data } = await seal(desk.key, page);
    await put(await pagesOf(desk), href, new Response(new Blob([iv, data]), { headers: { "X-At": page.at } }));
  }

  // How old it is stands in the page; and whether something was written since, until the script has put that right.
  const show = (page, rows) => dress(page, `data-kept="${page.time}"${rows.some((row) => isMissing(row, page.at)) ? " data-behind" : ""}`);

  async function shell(desk) {
    const page = desk && (await find(desk, address(SHELL)));
    return page ? dress(page, "data-shell") : door({ pathname: OFFLINE });
  }

  // A page brings its style inside: the first paint would wait for it, even where it comes from here. Its policy knows
  // the style's hash, see khata/web/security.py.
  async function dress({ text, headers }, marks) {
    const [link, href] = STYLE.exec(text);
    const file = await caches.match(href);
    const style = file && (await file.text());
    const html = style ? text.replace(link, () => `<style>${style}</style>`) : text;
    return new Response(html.replace("<html", `<html ${marks}`), { headers: [...headers, ["Cache-Control", "no-store"]] });
  }

  // The text of the shell, whose pieces and words the pages use.
  async function kit(desk) {
    const kept = await find(desk, address(SHELL));
    return { kit: kept ? kept.text : await keep(desk, address(SHELL), await fetch(SHELL)) };
  }

  // { html } where it is another one now, {} where it is the same or can't be asked, { left } where it is no more ours.
  async function refresh(desk, href) {
    const kept = await find(desk, href);
    const headers = kept?.tag ? { "If-None-Match": kept.tag } : {};
    const answer = await fetch(href, { headers, cache: "no-store", redirect: "manual" }).catch(() => null);
    if (!answer || answer.status >= 500) return { offline: true };
    if (answer.status === 304) {
      await save(desk, href, { ...kept, time: Date.now() });
      return {};
    }
    if (answer.ok) {
      const html = await keep(desk, href, answer);
      if (html) return html === kept?.text ? {} : { html };
    }
    await (await pagesOf(desk)).delete(href);
    return answer.ok || answer.status === 404 ? { reload: true } : { left: true };
  }

  async function warm(desk, href) {
    const pages = await pagesOf(desk);
    for (const each of [...WARM, ...(href ? [href] : [])]) {
      if (!(await pages.match(each))) await keep(desk, each, await fetch(each));
    }
    // Asked for by a page that is the worker's, the browser would not fetch it by itself.
    if (desk.dictionary) await fetch(desk.dictionary);
    if (desk.locks) await (await caches.open(DOOR)).add("/unlock").catch(() => {});
    return {};
  }

  // The journal's line of the oldest page: what was written before need not be remembered.
  async function oldest(desk) {
    const pages = await pagesOf(desk);
    const lines = [];
    for (const key of await pages.keys()) lines.push(Number((await pages.match(key)).headers.get("X-At")));
    return Math.min(...lines);
  }

  // --- the door

  // Nobody is in any more. What may be opened again by PIN stays, sealed; the rest goes.
  async function close(mayReturn) {
    const desk = await get("open");
    if (!desk) return;
    await drop("open");
    await drop("shared");
    if (mayReturn && (await get(`pin ${desk.member}`))) return;
    await drop(`pin ${desk.member}`);
    await drop(`list ${desk.member}`);
    await caches.delete(`${PAGES} ${desk.tag}`);
  }

  const atTheDoor = (url) => async (answer) => {
    const isDoor = url.pathname === "/unlock" && answer.ok && !answer.redirected;
    if (isDoor) await (await caches.open(DOOR)).put("/unlock", answer.clone());
    return answer;
  };

  async function door({ pathname }) {
    const unlock = pathname !== OFFLINE && (await caches.match("/unlock"));
    if (unlock && pathname !== "/unlock") return Response.redirect("/unlock", 303);
    return unlock || (await caches.match(OFFLINE)) || Response.error();
  }

  return { fill, clean, file, find, keep, show, shell, kit, refresh, warm, oldest, close, atTheDoor, door };
}
