// One number for all balances of a shop, the same on the phone and on the server: where they differ, the phone's list
// of parties is out of step and is fetched anew. Without BigInt, which the oldest browsers that we serve lack in parts.
const WORD = 2 ** 32;

// First 6 bytes of SHA-256 over the id's 16 bytes and the balance's 8, as a number. sha256(bytes) gives an ArrayBuffer.
export async function mix(id, minor, sha256) {
  const bytes = new Uint8Array(24);
  bytes.set(id.replace(/-/g, "").match(/../g).map((pair) => parseInt(pair, 16)));
  const view = new DataView(bytes.buffer);
  const high = Math.floor(minor / WORD); // towards minus infinity, as the two's complement wants it
  view.setInt32(16, high);
  view.setUint32(20, minor - high * WORD);
  const digest = new DataView(await sha256(bytes));
  return digest.getUint16(0) * WORD + digest.getUint32(2);
}

// Of [id, balance] pairs, in any order.
export async function checksum(parties, sha256) {
  const parts = await Promise.all(parties.map(([id, minor]) => mix(id, minor, sha256)));
  return parts.reduce((sum, part) => (sum + part) % 2 ** 48, 0);
}
