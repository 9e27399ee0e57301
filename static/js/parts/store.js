// What this phone keeps, in IndexedDB: "rows" is the outbox, "photos" what goes after it, "kept" a few named values.
// What is somebody's is sealed with their key, which goes when they lock or sign out: what stays is unreadable.

const promised = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

let opening;

function open() {
  opening = opening || new Promise((resolve, reject) => {
    const request = indexedDB.open("khata", 1);
    request.onupgradeneeded = () => {
      const base = request.result;
      base.createObjectStore("kept");
      base.createObjectStore("rows", { keyPath: "id" }).createIndex("place", ["member", "order"]);
      base.createObjectStore("photos", { keyPath: "entry" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

// One transaction: what `work` gives, once it is on the disk. `work` may wait for nothing but the store.
async function within(name, mode, work) {
  const transaction = (await open()).transaction(name, mode, { durability: "strict" });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  const result = await work(transaction.objectStore(name));
  await done;
  return result;
}

export const get = (key, name = "kept") => within(name, "readonly", (store) => promised(store.get(key)));
export const all = (name) => within(name, "readonly", (store) => promised(store.getAll()));
export const set = (key, value) => within("kept", "readwrite", (store) => promised(store.put(value, key)));
export const add = (value, name) => within(name, "readwrite", (store) => promised(store.put(value)));
export const drop = (key, name = "kept") => within(name, "readwrite", (store) => promised(store.delete(key)));

// --- sealing: AES-GCM, a fresh nonce each time

const AES = "AES-GCM";

export const toBytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

// Its bytes can't be read back, by no script.
export const importKey = (bytes) => crypto.subtle.importKey("raw", bytes, AES, false, ["encrypt", "decrypt"]);

export async function sealBytes(key, bytes) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  return { iv, data: await crypto.subtle.encrypt({ name: AES, iv }, key, bytes) };
}

export const openBytes = (key, { iv, data }) => crypto.subtle.decrypt({ name: AES, iv }, key, data);

export const seal = (key, value) => sealBytes(key, new TextEncoder().encode(JSON.stringify(value)));

export const unseal = async (key, sealed) => JSON.parse(new TextDecoder().decode(await openBytes(key, sealed)));

// A key that follows from a PIN. A PIN is short: what is wrapped with it goes after a few wrong ones.
export async function keyOfPin(pin, salt) {
  const bytes = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 100000 };
  return crypto.subtle.deriveKey(how, bytes, { name: AES, length: 128 }, false, ["encrypt", "decrypt"]);
}

// --- the outbox's table, as outbox/queue.js describes it

const placesOf = (member) => IDBKeyRange.bound([member], [member, []]);

export function openRows(key) {
  async function list(member) {
    const sealed = await within("rows", "readonly", (rows) => promised(rows.index("place").getAll(placesOf(member))));
    return Promise.all(sealed.map((row) => unseal(key, row)));
  }

  // No transaction outlives the time that sealing takes, so the rows are looked at again before they are changed:
  // where another tab was faster, all of it is done anew.
  async function change(member, ids, work) {
    const look = (rows) =>
      Promise.all([
        Promise.all(ids.map((id) => promised(rows.get(id)))),
        promised(rows.index("place").openKeyCursor(placesOf(member), "prev")),
      ]);
    const signOf = ([found, last]) => found.map((row) => row && row.iv.join()).join(";") + (last && last.key[1]);
    for (;;) {
      const seen = await within("rows", "readonly", look);
      const rows = await Promise.all(seen[0].map((row) => row && unseal(key, row)));
      const { put = [], drop: gone = [] } = work(rows, seen[1] ? seen[1].key[1] : 0) || {};
      const sealed = await Promise.all(
        put.map(async (row) => ({ id: row.id, member, order: row.order, ...(await seal(key, row)) })),
      );
      const isDone = await within("rows", "readwrite", async (store) => {
        if (signOf(await look(store)) !== signOf(seen)) return false;
        for (const row of sealed) store.put(row);
        for (const id of gone) store.delete(id);
        return true;
      });
      if (isDone) return;
    }
  }

  return { list, change };
}
