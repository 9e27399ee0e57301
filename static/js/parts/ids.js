// The phone makes the id of what it writes (UUIDv7, RFC 9562). A page that comes back from the browser's memory
// gets a fresh one: its old id may have been sent already.
export function uuid7(now = Date.now(), random = crypto.getRandomValues(new Uint8Array(10))) {
  const time = now.toString(16).padStart(12, "0");
  random[0] = (random[0] & 0x0f) | 0x70;
  random[2] = (random[2] & 0x3f) | 0x80;
  const rest = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const all = time + rest;
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}

export function keepIdsFresh() {
  addEventListener("pageshow", (event) => {
    const back = performance.getEntriesByType("navigation")[0];
    if (!event.persisted && (!back || back.type !== "back_forward")) return;
    for (const field of document.querySelectorAll("form[method=post] input[name=id]")) field.value = uuid7();
  });
}
