// The outbox page: what waits, what was refused and why. With no network it also stands for pages that the phone has
// not seen: the account of any known party, to write in, and the list of them.
import { isOpen, isRefused, partyOf } from "../outbox/queue.js";
import { uuid7 } from "../ids.js";
import { toMinor } from "../money.js";
import { worth } from "./forms.js";
import { tagged } from "./desk.js";
import { idIn } from "./paint.js";

const main = () => document.querySelector("main");

export async function showShell(seat, kit, paint) {
  if (location.pathname === "/outbox") return showOutbox(seat, kit, paint);
  const id = idIn(location.pathname);
  const [list, rows] = await Promise.all([seat.list(), seat.rows()]);
  const known = list.parties.find((one) => one[0] === id);
  const added = rows.find((row) => row.kind === "party.add" && row.subject === id);
  return known || added ? showParty(id, known || [id, added.fields.name, "", "", 0], list, seat, kit) : showList(seat, kit, paint);
}

// --- an account that the phone knows only the name and balance of

function showParty(id, [, name, , , minor], list, seat, kit) {
  if (!document.querySelector("#entries")) {
    main().replaceChildren(...["note", "balance", "entries", "form"].filter(kit.has).map(kit.part));
    document.querySelector("h1").textContent = document.title = name;
    document.querySelector(".back").href = "/";
  }
  tagged().dataset.tag = `${seat.desk.tag}:${list.seq}`;
  const [form, balance] = ["#entry-form", "#balance"].map((selector) => document.querySelector(selector));
  if (form && !form.action.endsWith(`/${id}/entries`)) {
    form.action = `/parties/${id}/entries`;
    form.elements.id.value = uuid7(); // it came with the kept page, and has been in every form made of it
  }
  if (balance) balance.dataset.minor = minor;
  return { id };
}

// --- everybody

async function showList(seat, kit, paint) {
  let field = document.querySelector("#find");
  if (!field) {
    main().replaceChildren(...["note", "find", "parties", "add"].filter(kit.has).map(kit.part));
    document.querySelector("h1").textContent = document.title = kit.word("offline");
    field = document.querySelector("#find");
    field.addEventListener("input", () => showList(seat, kit, paint));
  }
  const [list, rows] = await Promise.all([seat.list(), seat.rows()]);
  const added = rows.filter((row) => row.kind === "party.add" && !isRefused(row) && !list.parties.some(([id]) => id === row.subject));
  const all = [...added.map((row) => [row.subject, row.fields.name, row.fields.phone || "", "", 0]), ...list.parties];
  const sought = field.value.trim().toLowerCase();
  const found = all.filter(([, name, phone]) => `${name} ${phone || ""}`.toLowerCase().includes(sought)).slice(0, 50);
  const items = found.map(([id, name, , , minor]) => paint.partyRow(id, name, paint.standing(list, rows, id, minor)));
  document.querySelector("#parties").replaceChildren(...items);
  return {};
}

// --- the outbox

async function showOutbox(seat, kit, paint) {
  const list = await seat.list();
  const rows = (await seat.rows()).filter((row) => row.state !== "done");
  const place = document.querySelector("#waiting");
  if (!rows.length || !place.contains(document.activeElement)) {
    place.replaceChildren(...rows.map((row) => item(row, nameOf(row, list, rows), seat, kit, paint)));
  }
  document.querySelector("[data-none]").hidden = rows.length > 0;
  const now = document.querySelector("[data-now]");
  now.hidden = !rows.some(isOpen);
  now.onclick = seat.drain;
  return {};
}

// Of whom it is: the phone knows them by its list, or because it wrote them itself.
function nameOf(row, list, rows) {
  const party = list.parties.find(([id]) => id === partyOf(row));
  const added = rows.find(({ kind, subject }) => kind === "party.add" && subject === partyOf(row));
  return party ? party[1] : added ? added.fields.name : row.fields.name || "";
}

function item(row, name, seat, kit, paint) {
  const part = kit.part("waiting");
  const { kind, fields, reason, minor } = row;
  const isMoney = /record|settle/.test(kind);
  const line = isMoney ? paint.entryRow(row).firstElementChild : kit.part("row").firstElementChild;
  const [title, about, sum] = line.querySelectorAll("b,small,span");
  if (!isMoney) title.textContent = kit.word(kind);
  if (!isMoney) sum.lastElementChild.textContent = minor ? paint.money(minor) : "";
  about.textContent = [kit.word(isOpen(row) ? "waiting" : "refused"), name, fields.note || ""].filter(Boolean).join(" · ");
  if (/^(party|entry)/.test(kind)) line.href = `/parties/${partyOf(row)}`;
  part.querySelector("p").replaceWith(line);
  const why = part.querySelector("[data-why]");
  why.hidden = !isRefused(row);
  if (reason?.message) why.textContent = reason.message;
  if (row.state === "conflict" && reason.current) part.querySelector("[data-other]").textContent = otherVersion(reason.current, kit);
  correct(part, row, seat, kit);
  part.querySelector("[data-throw]").onclick = async () => {
    await seat.queue.throwAway(seat.desk.member, row.id, true);
    await seat.changed();
  };
  return part;
}

const otherVersion = ({ direction, amount, on, note }, kit) => [kit.word("theirs"), `${kit.word(direction)} ${amount}`, on, note].filter(Boolean).join(" · ");

// The fields as they were typed; saved, they take the refused one's place.
function correct(part, row, seat, kit) {
  const form = part.querySelector("form");
  form.hidden = !isRefused(row);
  const labels = [...form.querySelectorAll("label")];
  for (const label of labels) {
    const field = label.querySelector("input");
    if (field.name in row.fields) field.value = row.fields[field.name];
    else label.remove();
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (row.kind === "party.settle") return;
    const fields = { ...row.fields, ...Object.fromEntries(new FormData(form)) };
    const current = row.reason?.current;
    if (current) fields.version = String(current.version);
    const { exponent, marks } = seat.desk.currency;
    const { amount } = form.elements;
    const minor = amount ? toMinor(amount.value, exponent, marks) : 0;
    if (minor === null) {
      amount.setCustomValidity(kit.word("amount"));
      amount.reportValidity();
      return amount.setCustomValidity("");
    }
    // A corrected edit counts from what the entry says now; nothing else is known of it here.
    const changes = { fields, minor: row.kind === "entry.edit" || !amount ? row.minor : worth(fields.direction, minor) };
    if (row.state === "conflict" && /add|record/.test(row.kind)) {
      // Its own id stands for something else in the ledger: this becomes a new one beside it.
      await seat.queue.add(seat.desk, { kind: row.kind, party: row.party, ...changes });
      await seat.queue.throwAway(seat.desk.member, row.id, true);
    } else {
      await seat.queue.correct(seat.desk.member, row.id, changes);
    }
    await seat.changed();
    seat.drain();
  });
}
