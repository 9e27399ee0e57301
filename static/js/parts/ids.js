// The phone makes the id of what it writes (UUIDv7, RFC 9562), anew each time a page is shown: the one that came with
// it may stand in another tab too, or was sent already before the page came back from the browser's memory.
export function uuid7(now = Date.now(), random = crypto.getRandomValues(new Uint8Array(10))) {
  const time = now.toString(16).padStart(12, "0");
  random[0] = (random[0] & 0x0f) | 0x70;
  random[2] = (random[2] & 0x3f) | 0x80;
  const rest = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const all = time + rest;
  return [all.slice(0, 8), all.slice(8, 12), all.slice(12, 16), all.slice(16, 20), all.slice(20)].join("-");
}

export function freshIds() {
  for (const field of document.querySelectorAll("form[method=post] input[name=id]")) field.value = uuid7();
}

export const keepIdsFresh = () => addEventListener("pageshow", freshIds);
