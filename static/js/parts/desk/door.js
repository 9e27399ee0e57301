// Changing hands by PIN, with the network or without: what one's PIN opens on this phone is sealed with it.
import { parsed } from "./desk.js";
import { drop, get, importKey, keyOfPin, openBytes, set } from "../store.js";

const MOST_TRIES = 4; // then only the server can say, see khata/accounts/pins.py

export function watchTheDoor(form = document.querySelector("form[action='/unlock']")) {
  if (!form || !navigator.serviceWorker || !window.indexedDB || !window.crypto?.subtle) return;
  form.addEventListener("change", ({ target }) => target.type === "radio" && form.elements.pin.focus());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return;
    form.ariaBusy = true;
    const member = form.elements.member.value;
    const typed = form.elements.pin.value;
    const remembered = derive(typed); // while the server looks at the PIN itself
    try {
      const answer = await fetch("/unlock", { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
      if (answer.type !== "opaqueredirect") return show(await answer.text());
      await set("typed", { member, ...(await remembered) });
      location.assign("/");
    } catch {
      await openHere(form, member, typed);
    } finally {
      form.ariaBusy = null;
    }
  });
}

// The key itself comes with the first page, see desk.js; until then only what the PIN makes of it is kept.
async function derive(typed) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  return { salt, key: await keyOfPin(typed, salt) };
}

function show(html) {
  document.querySelector("main").replaceWith(parsed(html).querySelector("main"));
  watchTheDoor();
  const wrong = document.querySelector("[aria-invalid]");
  if (wrong) wrong.focus();
}

async function openHere(form, member, typed) {
  const sealed = await get(`pin ${member}`);
  const told = form.querySelector("[data-offline]");
  if (!sealed) return tell(told, "unknown");
  // Counted before it is tried: a phone that is switched off meanwhile gives no try back.
  const tries = sealed.tries + 1;
  if (tries < MOST_TRIES) await set(`pin ${member}`, { ...sealed, tries });
  else await drop(`pin ${member}`);
  try {
    const raw = await openBytes(await keyOfPin(typed, sealed.salt), sealed);
    await set(`pin ${member}`, { ...sealed, tries: 0 });
    await set("open", { ...sealed.desk, key: await importKey(raw) });
    location.assign("/");
  } catch {
    form.elements.pin.value = "";
    tell(told, tries < MOST_TRIES ? "wrong" : "blocked");
  }
}

// The sentences stand in the page, hidden: [data-offline] holds one for each case.
function tell(told, name) {
  for (const sentence of told.children) sentence.hidden = sentence.dataset.case !== name;
  told.hidden = false;
}
