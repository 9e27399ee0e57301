// The service worker: opens pages from the phone, and sends what was written. `self.files` are the files of its build:
// a new build has others, and so is a new worker.
import { openKeeper } from "./keeper.js";
import { openSender } from "./sender.js";
import { drop, get, sealBytes, set } from "../store.js";

export function serve() {
  const BUILD = self.files.map((file) => file.split(".")[1]).join("");
  const keeper = openKeeper(BUILD);
  const sender = openSender({ ended, forget: keeper.oldest });

  // Nobody is in any more.
  function close(mayReturn) {
    sender.close();
    return keeper.close(mayReturn);
  }

  const tell = async (message) => {
    // Those too whose page was on its way while this worker took over: they ask it, so they must hear from it.
    for (const client of await self.clients.matchAll({ includeUncontrolled: true })) client.postMessage(message);
  };

  addEventListener("install", (event) => {
    event.waitUntil(keeper.fill(self.files).then(() => self.skipWaiting()));
  });

  addEventListener("activate", (event) => {
    event.waitUntil(keeper.clean().then(() => self.clients.claim()));
  });

  // --- the session that should have ended, and could not be told so: nothing is sent in its name any more

  async function ended() {
    const path = await get("end");
    if (!path) return true;
    try {
      const answer = await fetch(path, { method: "POST", redirect: "manual" });
      if (answer.status >= 500) return false;
    } catch {
      return false;
    }
    await drop("end");
    return true;
  }

  // The member is gone from this phone at once, whether the server hears of it now or later.
  async function leave(request, path) {
    await close(path === "/lock");
    try {
      return await fetch(request);
    } catch {
      await set("end", path);
      return Response.redirect(path === "/lock" ? "/unlock" : "/sign-in", 303);
    }
  }

  // --- what the pages ask for

  async function open(event, url) {
    const { request } = event;
    const [isOver, desk] = await Promise.all([ended(), get("open")]);
    if (!desk && !isOver) return keeper.door(url);
    if (!desk) return fetch(request).then(keeper.atTheDoor(url), () => keeper.door(url));
    const [kept, rows] = await Promise.all([keeper.find(desk, url.href), sender.rows(desk)]);
    if (kept) return keeper.show(kept, rows);
    const isNotThereYet = rows.some(({ kind, state, subject }) => kind === "party.add" && state !== "done" && url.pathname.endsWith(subject));
    if (isNotThereYet || !isOver) return keeper.shell(desk);
    try {
      const answer = await fetch(request);
      if (answer.ok) event.waitUntil(keeper.keep(desk, url.href, answer.clone()));
      return answer;
    } catch {
      return keeper.shell(desk);
    }
  }

  // A photo that another app shares; with no network it waits here for the entry it belongs to.
  async function share(request) {
    const desk = await get("open");
    const copy = request.clone();
    const answer = await fetch(request).catch(() => null);
    if (answer) return answer;
    const photo = (await copy.formData()).get("photo");
    if (desk && photo) await set("shared", await sealBytes(desk.key, await photo.arrayBuffer()));
    return Response.redirect("/?find=1", 303);
  }

  async function post(request, url) {
    if (url.pathname === "/lock" || url.pathname === "/sign-out") return leave(request, url.pathname);
    if (url.pathname === "/share") return share(request);
    if (!(await ended())) return keeper.door(url);
    const desk = await get("open");
    return fetch(request).catch(() => keeper.shell(desk));
  }

  addEventListener("fetch", (event) => {
    const { request } = event;
    const url = new URL(request.url);
    if (url.origin !== location.origin || url.pathname === "/sync") return;
    if (url.pathname.startsWith("/static/")) event.respondWith(keeper.file(request));
    else if (request.mode !== "navigate") event.respondWith(ended().then((isOver) => (isOver ? fetch(request) : Response.error())));
    else event.respondWith(request.method === "GET" ? open(event, url) : post(request, url));
  });

  // --- what the pages' scripts ask for: { fresh: address }, { drain: true } or { warm: true }, answered at the port

  async function drain() {
    const desk = await get("open");
    if (!desk) return { state: "paused" };
    const told = await sender.drain(desk);
    if (told.state === "paused" && [0, 401, 403].includes(told.status)) await gone();
    await tell({ changed: true });
    return told;
  }

  // The server knows the session no more, so the phone shows nothing of it any more.
  async function gone() {
    await close(true);
    await tell({ left: true });
  }

  async function answer({ fresh, warm, kit, drain: shall }) {
    const desk = await get("open");
    if (shall) return drain();
    if (kit && desk) return keeper.kit(desk);
    if (!desk || !(await ended())) return {};
    if (warm) return keeper.warm(desk, warm).then(() => sender.renewList(desk));
    const found = await keeper.refresh(desk, fresh);
    if (found.left) await gone();
    return found;
  }

  addEventListener("message", (event) => {
    event.waitUntil(
      answer(event.data).then(
        (told) => event.ports[0].postMessage(told),
        () => event.ports[0].postMessage({}),
      ),
    );
  });

  addEventListener("sync", (event) => {
    event.waitUntil(
      drain().then(({ state }) => {
        if (state === "later") throw new Error(state); // the phone tries again
      }),
    );
  });
}
