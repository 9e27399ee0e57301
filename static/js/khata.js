// All of our script, once: pages load it, and the service worker imports the same file (see khata/web/pwa.py).
// Pages work without it; this is what they do more.
import { painted } from "./parts/painted.js";
import { shrinkPhotos } from "./parts/photo.js";
import { watchTheDoor } from "./parts/desk/door.js";
import { lockWhenResting } from "./parts/lock.js";
import { offerContacts } from "./parts/contacts.js";
import { tagged } from "./parts/desk/desk.js";
import { work } from "./parts/desk/work.js";
import { showSums } from "./parts/sum.js";
import { keepIdsFresh } from "./parts/ids.js";
import { serve } from "./parts/worker/serve.js";

if (self.document) {
  keepIdsFresh();
  showSums();
  shrinkPhotos();
  offerContacts();
  lockWhenResting();
  watchTheDoor();
  start(document.currentScript.dataset.htmx);

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
} else {
  serve();
}

// What takes long: htmx, and the phone's own store. A page that came from the phone is seen first.
async function start(htmx) {
  if ("kept" in document.documentElement.dataset) await painted();
  if (htmx) document.head.append(Object.assign(document.createElement("script"), { src: htmx }));
  if (tagged()) work();
}
