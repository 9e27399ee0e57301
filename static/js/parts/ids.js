// The phone makes the id of what it writes (UUIDv7, RFC 9562), anew each time a page is shown: the one that came with
// it may stand in another tab too, or was sent already before the page came back from the browser's memory.
// Ids of one member end alike, in what their pages say whose they are: a list of them costs less on the wire. What is
// left to chance, 26 bits in each millisecond, keeps apart what two tabs or two phones of one member write.
export function uuid7(now = Date.now()) {
  const random = crypto.getRandomValues(new Uint8Array(10));
  random[0] = (random[0] & 0x0f) | 0x70;
  random[2] = (random[2] & 0x3f) | 0x80;
  random.set(new TextEncoder().encode(document.querySelector("[data-tag]")?.dataset.tag.slice(0, 6)), 4);
  const rest = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const time = now.toString(16).padStart(12, "0");
  return (time + rest).replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

export function freshIds() {
  for (const field of document.querySelectorAll("form[method=post] input[name=id]")) field.value = uuid7();
}

export const keepIdsFresh = () => addEventListener("pageshow", freshIds);
