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
    transaction.onabort = () => (transaction.error ? reject(transaction.error) : resolve()); // by `work` itself
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

// A named value under seal; undefined where there is none, or none that this key opens.
export async function getSealed(key, name) {
  const sealed = await get(name);
  return sealed && unseal(key, sealed).catch(() => undefined);
}

export const setSealed = async (key, name, value) => set(name, await seal(key, value));

// A key that follows from a PIN. A PIN is short: what is wrapped with it goes after a few wrong ones.
export async function keyOfPin(pin, salt) {
  const bytes = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveKey"]);
  const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: 100000 };
  return crypto.subtle.deriveKey(how, bytes, { name: AES, length: 128 }, false, ["encrypt", "decrypt"]);
}

// --- the outbox's table, as outbox/queue.js describes it

const placesOf = (member) => IDBKeyRange.bound([member], [member, []]);

// Opening all rows anew took longer than all else that a tap does: what was opened stays in memory, as long as the page or
// the worker that has the key. A row that another tab has changed is told by its nonce.
export function openRows(key) {
  const opened = new Map(); // id -> { sealed, row }

  async function open(sealed) {
    const known = sealed && opened.get(sealed.id);
    if (!sealed || isSame(known?.sealed, sealed)) return known?.row;
    const row = await unseal(key, sealed);
    opened.set(sealed.id, { sealed, row });
    return row;
  }

  async function list(member) {
    const sealed = await within("rows", "readonly", (rows) => promised(rows.index("place").getAll(placesOf(member))));
    return Promise.all(sealed.map(open));
  }

  // No transaction outlives the time that sealing takes. So `work` begins with what is remembered, and its rows are looked
  // at while they are written: where they are others by now, nothing is, and all of it is done anew with those.
  async function change(member, ids, work) {
    const look = async (rows) => {
      const found = ids.map((id) => promised(rows.get(id)));
      const cursor = await promised(rows.index("place").openKeyCursor(placesOf(member), "prev"));
      return { found: await Promise.all(found), last: cursor ? cursor.key[1] : 0 };
    };
    const orders = [...opened.values()].map(({ sealed }) => sealed.order);
    let seen = { found: ids.map((id) => opened.get(id)?.sealed), last: Math.max(0, ...orders) };
    for (;;) {
      const rows = await Promise.all(seen.found.map(open));
      const { put = [], drop: gone = [] } = work(rows, seen.last) || {};
      const sealed = await Promise.all(
        put.map(async (row) => ({ id: row.id, member, order: row.order, ...(await seal(key, row)) })),
      );
      const now = await within("rows", put.length + gone.length ? "readwrite" : "readonly", async (store) => {
        const looking = look(store);
        for (const row of sealed) store.put(row);
        for (const id of gone) store.delete(id);
        const there = await looking;
        if (there.last === seen.last && there.found.every((row, at) => isSame(row, seen.found[at]))) return undefined;
        store.transaction.abort();
        return there;
      });
      seen = now;
      if (seen) continue;
      for (const id of gone) opened.delete(id);
      return sealed.forEach((one, at) => opened.set(one.id, { sealed: one, row: put[at] }));
    }
  }

  return { list, change };
}

const isSame = (one, other) => String(one?.iv) === String(other?.iv);
