// Forms become operations: kept on the phone first, shown at once, sent after.
import { uuid7 } from "../ids.js";
import { pageTag } from "./desk.js";
import { toMinor } from "../money.js";
import { painted } from "../painted.js";
import { isMissing, isRefused } from "../outbox/queue.js";
import { add as keep, sealBytes } from "../store.js";

const PATIENCE = 4000; // how long a page waits for the server's word before it goes on without

const KINDS = {
  parties: { settlement: "settle", kind: "move" },
  entries: {},
  cash: {},
};
const ROOMS = { parties: "party", entries: "entry", cash: "cash" };
const VERBS = { deletion: "delete", restoration: "restore" };

// What a form's address says: { kind, subject, party }, or nothing where it is no operation.
function meant(path) {
  const [, room, id, verb] = path.split("/");
  if (!KINDS[room] || (id && !/^[0-9a-f-]{36}$/.test(id))) return undefined;
  if (verb === "entries") return { kind: "entry.record", party: id };
  const name = verb ? VERBS[verb] || KINDS[room][verb] : id ? "edit" : room === "parties" ? "add" : "record";
  if (!name || (room === "entries" && !id) || (room === "cash" && name === "edit")) return undefined;
  return { kind: `${ROOMS[room]}.${name}`, subject: id };
}

export const worth = (direction, minor) => (direction === "gave" || direction === "in" ? minor : -minor);

// What it adds to the balance, in minor units; null where its amount is none.
function minorOf({ kind, fields }, before, { exponent, marks }) {
  if (kind === "party.settle") return -Number(fields.expected_minor);
  if (kind === "entry.delete") return -before;
  if (kind === "entry.restore") return before;
  if (!("amount" in fields)) return 0;
  const minor = toMinor(fields.amount, exponent, marks);
  if (minor === null) return null;
  return worth(fields.direction, minor) - (kind === "entry.edit" ? before : 0);
}

function read(form, button) {
  const typed = new FormData(form);
  if (button?.name) typed.set(button.name, button.value);
  const photo = typed.get("photo");
  typed.delete("photo");
  const fields = Object.fromEntries([...typed].filter(([, value]) => value !== ""));
  return { fields, photo: photo?.size ? photo : null };
}

// A day that nobody chose is the day it is written: the page may be of last week.
function dropDay(form, fields) {
  const day = form.elements.on;
  if (day?.value === day?.defaultValue && !/[?&]on=/.test(location.search)) delete fields.on;
}

export function takeForms({ desk, queue, add, drain, changed }, words) {
  addEventListener(
    "submit",
    (event) => {
      const { target: form, submitter } = event;
      const about = form.method === "post" && meant(new URL(form.action).pathname);
      if (!about) return;
      const { fields, photo } = read(form, submitter);
      const isOdd = photo && (about.kind !== "entry.record" || form.elements.photo.dataset.odd);
      if (fields.shared || isOdd) return; // only the server can take these
      const operation = { ...about, fields };
      const before = Number(document.querySelector("[data-minor-before]")?.dataset.minorBefore || 0);
      const minor = minorOf(operation, before, desk.currency);
      if (minor === null && navigator.onLine) return; // the server says what is wrong with it
      event.preventDefault();
      event.stopImmediatePropagation();
      if (minor === null) return say(form, words("amount"), "amount");
      write(form, { ...operation, minor }, photo);
    },
    true,
  );

  async function write(form, operation, photo) {
    if (form.ariaBusy) return;
    form.ariaBusy = true;
    const { fields } = operation;
    if (/record/.test(operation.kind)) dropDay(form, fields);
    if (/add|record/.test(operation.kind)) {
      operation.id = fields.id;
      delete fields.id;
    }
    try {
      if (/^entry\.(edit|delete|restore)/.test(operation.kind)) {
        operation.party = partyOfPage();
        await followOn(operation);
      }
      const row = await add(operation);
      if (photo) await keepPhoto(row, photo);
      if (form.matches("#entry-form")) {
        refill(form); // the next one can be typed at once
        await painted(); // even putting the cursor into a field would lay out the page an extra time before
        if (!document.activeElement.matches("input,textarea")) form.elements.amount.focus();
        drain().then(() => takeBack(row));
        return;
      }
      await Promise.race([drain(), new Promise((done) => setTimeout(done, PATIENCE))]);
      await goOn(form, row);
    } catch {
      say(form, words("full"));
    } finally {
      form.ariaBusy = null;
    }
  }

  // The page knows nothing of what this phone changed in the same entry since: this change comes after those.
  async function followOn(operation) {
    const { at } = pageTag();
    const before = (await queue.list(desk.member)).filter(
      (row) => row.subject === operation.subject && isMissing(row, at),
    );
    operation.minor -= before.reduce((sum, { minor }) => sum + minor, 0);
    const edits = before.filter(({ kind, fields }) => kind === "entry.edit" && Number(fields.version) >= Number(operation.fields.version));
    if (operation.kind === "entry.edit" && edits.length) {
      operation.fields.version = String(Math.max(...edits.map(({ fields }) => Number(fields.version))) + 1);
    }
  }

  async function keepPhoto({ subject, member }, photo) {
    await keep({ entry: subject, member, ...(await sealBytes(desk.key, await photo.arrayBuffer())) }, "photos");
  }

  // What the server refuses while the person looks on is said at the form, as if the form itself had been sent.
  async function refusal(row) {
    const now = (await queue.list(desk.member)).find(({ id }) => id === row.id);
    if (!now || !isRefused(now)) return undefined;
    if (now.state === "conflict") return location.assign("/outbox") || {}; // both versions stand there
    await queue.throwAway(desk.member, row.id, true);
    await changed();
    return now.reason;
  }

  // The server's own page of a refusal says most: what else could be done about it.
  async function goOn(form, row) {
    const reason = await refusal(row);
    if (!reason) return location.assign(next(row));
    if (!reason.message) return undefined;
    const { direction } = row.fields;
    if (form.querySelector("button[name=direction]")) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "direction", value: direction }));
    return form.submit();
  }

  async function takeBack(row) {
    const now = document.querySelector("#entry-form");
    if (!now || now.elements.amount.value) return; // they write the next one already: it stands in the outbox
    const reason = await refusal(row);
    if (!reason?.message) return;
    for (const [name, value] of Object.entries(row.fields)) if (now.elements[name] && name !== "id") now.elements[name].value = value;
    if (reason.field && reason.field !== "amount") for (const part of now.querySelectorAll("details")) part.open = true;
    say(now, reason.message, reason.field);
  }
}

const partyOfPage = () => document.querySelector(".back").pathname.split("/")[2];

function next({ kind, party, subject }) {
  if (kind === "party.delete") return "/";
  if (kind.startsWith("cash")) return location.pathname + location.search;
  return `/parties/${party || subject}`;
}

function refill(form) {
  form.reset();
  form.elements.id.value = uuid7();
  unsay(form);
  for (const part of form.querySelectorAll("details")) part.open = false;
  const sum = form.querySelector("output");
  if (sum) sum.value = "";
}

const unsay = (form) => form.querySelectorAll(".err").forEach((old) => old.remove());

function say(form, sentence, name) {
  const field = name && form.elements[name];
  unsay(form);
  const told = Object.assign(document.createElement("span"), { className: "err", textContent: sentence });
  told.setAttribute("role", "alert");
  if (field?.after) {
    told.id = `e-${name}`;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", told.id);
    field.after(told);
    field.focus();
  } else {
    form.prepend(told);
  }
}
