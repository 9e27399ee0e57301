// Puts into the page what it lacks: rows that wait or were written since, the balance with them, and marks.
import { formatMinor } from "../money.js";
import { overlay } from "../outbox/overlay.js";
import { count, isOpen, isRefused, partyOf } from "../outbox/queue.js";
import { pageTag } from "./desk.js";

const $ = (selector) => document.querySelector(selector);
const $$ = (selector) => document.querySelectorAll(selector);

export const idIn = (path) => (/^\/parties\/([0-9a-f-]{36})$/.exec(path) || [])[1];

const isWritten = ({ kind }) => /entry\.record|settle|cash\.record/.test(kind);

// "5 Jan", with its year where that is not this one, as the `day` filter has it.
function dayIn(on) {
  const year = on.slice(0, 4) === String(new Date().getFullYear()) ? undefined : "numeric";
  return new Date(`${on}T00:00`).toLocaleDateString(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, { day: "numeric", month: "short", year });
}

export function openPaint(seat, kit) {
  const { desk } = seat;
  const money = (minor) => formatMinor(Math.abs(minor), desk.currency);

  // --- one row of somebody's

  function entryRow(row) {
    const { fields, minor, state } = row;
    const way = row.kind.startsWith("cash") ? fields.direction : minor > 0 ? "gave" : "got";
    const item = kit.part("row");
    item.dataset.state = state;
    const [title, about, sum] = item.querySelectorAll("b,small,span");
    title.textContent = kit.word(way);
    title.className = sum.className = /gave|out/.test(way) ? "out" : "in";
    about.textContent = [state === "done" ? "" : kit.word(isOpen(row) ? "waiting" : "refused"), fields.on && dayIn(fields.on), fields.note]
      .filter(Boolean)
      .join(" · ");
    sum.lastElementChild.textContent = money(minor);
    if (isRefused(row)) item.firstElementChild.href = "/outbox";
    return item;
  }

  // --- a party's page

  function party(id, rows) {
    const balance = $("#balance");
    const entries = $("#entries");
    if (!entries) return;
    const known = new Set(Array.from(entries.querySelectorAll("[id^=e-]"), (item) => item.id.slice(2)));
    const lacks = overlay(pageTag().at, id, rows, known);
    for (const old of entries.querySelectorAll(".mine")) old.remove();
    for (const row of lacks.rows) {
      const item = $(`#e-${row.subject}`);
      if (isWritten(row)) {
        if (!$(`#e-${row.kind === "party.settle" ? row.fields.id : row.subject}`)) entries.prepend(entryRow(row));
      } else if (item) {
        item.dataset.state = row.state;
      }
    }
    if (entries.querySelector(".mine")) for (const empty of entries.querySelectorAll(".empty")) empty.remove();
    if (balance && lacks.rows.length) {
      const base = Number(balance.dataset.minor);
      figure(balance, lacks.balance === undefined ? base + lacks.delta : lacks.balance, "large", lacks.waiting);
      if (lacks.waiting) balance.append(kit.part("unsure"));
    }
  }

  // The word, the amount and the way of a balance, as the server would write it.
  function figure(place, minor, size, waits) {
    const part = kit.part(`${size} ${minor > 0 ? "get" : minor < 0 ? "give" : "even"}`);
    const sum = part.querySelector("bdi");
    if (sum) sum.textContent = money(minor);
    place.replaceChildren(part);
    place.classList.toggle("waits", waits);
  }

  // --- home

  // How a party stands by the phone's own list and what was written since: [minor, waits].
  function standing(list, rows, id, minor) {
    const { balance, delta, waiting } = overlay(list.seq, id, rows);
    return [balance === undefined ? minor + delta : balance, waiting];
  }

  function home(list, rows) {
    const parties = $("#parties");
    const at = pageTag().at;
    const isBehind = rows.some((row) => (row.state === "done" ? row.seq > at : isOpen(row)));
    for (const old of parties.querySelectorAll(".mine")) old.remove();
    if (!isBehind) return;
    const known = new Map(list.parties.map((one) => [one[0], one]));
    for (const link of parties.querySelectorAll("a[href^='/parties/']")) {
      const id = idIn(link.pathname);
      const one = known.get(id);
      const sum = link.querySelector("a > span");
      if (one && sum && overlay(at, id, rows).rows.length) {
        const [minor, waits] = standing(list, rows, id, one[4]);
        const fresh = kit.part("line");
        figure(fresh, minor, "line", waits);
        sum.replaceWith(fresh.firstElementChild);
        link.classList.toggle("waits", waits);
      }
    }
    // Who is not in the page yet: new here, or written for since.
    for (const row of rows) {
      const id = partyOf(row);
      const [, name, , kind, minor] = known.get(id) || [id, row.kind === "party.add" && row.fields.name, "", row.fields.kind, 0];
      const isHere = (kind === "supplier") === /kind=supplier/.test(location.search) && !/[?&](q|after)=/.test(location.search);
      if (name && isHere && !isRefused(row) && !$(`a[href="/parties/${id}"]`)) parties.prepend(partyRow(id, name, standing(list, rows, id, minor)));
    }
    if (parties.querySelector(".mine")) for (const empty of parties.querySelectorAll(".empty")) empty.remove();
    totals(list, rows);
  }

  function totals(list, rows) {
    const sums = $$(".sum dd");
    if (sums.length !== 3) return;
    if (!list.whole) return $(".sum").classList.add("waits");
    const all = new Map(list.parties.map(([id, , , , minor]) => [id, minor]));
    for (const row of rows) if (row.kind === "party.add" && !all.has(row.subject)) all.set(row.subject, 0);
    const stands = [...all].map(([id, minor]) => standing(list, rows, id, minor));
    const get = stands.reduce((sum, [minor]) => sum + Math.max(minor, 0), 0);
    const give = stands.reduce((sum, [minor]) => sum - Math.min(minor, 0), 0);
    [get, give, get - give].forEach((minor, at) => {
      sums[at].querySelector("bdi").textContent = money(minor);
    });
    sums[2].parentElement.className = get > give ? "net in" : get < give ? "net out" : "net";
    $(".sum").classList.toggle("waits", rows.some(isOpen));
  }

  function partyRow(id, name, [minor, waits]) {
    const item = kit.part("row");
    const [title, about, sum] = item.querySelectorAll("b,small,span");
    item.firstElementChild.href = `/parties/${id}`;
    title.textContent = name;
    about.textContent = waits ? kit.word("waiting") : "";
    if (kit.has("balance")) {
      const fresh = kit.part("line");
      figure(fresh, minor, "line", waits);
      sum.replaceWith(fresh.firstElementChild);
    }
    return item;
  }

  // --- cash book

  function cash(rows) {
    const lines = $("main > ul.rows");
    const at = pageTag().at;
    for (const old of lines.querySelectorAll(".mine")) old.remove();
    const some = rows.filter((row) => (row.kind.startsWith("cash") || row.fields.in_cash) && (row.state === "done" ? row.seq > at : isOpen(row)));
    for (const row of some) {
      const item = $(`#c-${row.subject}`);
      if (row.kind === "cash.record") {
        if (!item) lines.prepend(entryRow(row));
      } else if (item) item.dataset.state = row.state;
    }
    if (lines.querySelector(".mine")) for (const empty of lines.querySelectorAll(".empty")) empty.remove();
    if (some.length) cashSums($(".sum"), some);
  }

  // What can be reckoned is: an entry paid in cash, or a line of this day. Anything else leaves the mark only.
  function cashSums(label, some) {
    const { minor, on } = label.dataset;
    const [into, out, opening, closing] = minor.split(" ").map(Number);
    let [more, less] = [0, 0];
    for (const { kind, fields, minor: sum, at } of some) {
      const day = fields.on || new Date(at).toLocaleDateString("sv", { timeZone: desk.zone });
      if (!/record/.test(kind) || day !== on) continue;
      const isIn = fields.direction === "in" || fields.direction === "got";
      if (isIn) more += Math.abs(sum);
      else less += Math.abs(sum);
    }
    const sums = label.querySelectorAll("dd bdi");
    [into + more, out + less, opening, closing + more - less].forEach((sum, at) => {
      sums[at].textContent = formatMinor(sum, desk.currency);
    });
    label.classList.toggle("waits", some.some(isOpen));
  }

  // --- every page

  function counts(rows) {
    const { waiting, refused } = count(rows);
    for (const old of $$("main > .counts")) old.remove();
    const place = $("main").firstElementChild;
    for (const [name, number] of [["refused", refused], ["waiting", waiting]]) {
      if (!number || location.pathname === "/outbox") continue;
      const line = kit.part(`count ${name}`);
      line.classList.add("counts");
      line.querySelector("bdi").textContent = number.toLocaleString(document.documentElement.lang);
      place.after(line);
    }
    if (navigator.setAppBadge) (waiting + refused ? navigator.setAppBadge(waiting + refused) : navigator.clearAppBadge()).catch(() => {});
  }

  function age() {
    const { kept } = document.documentElement.dataset;
    for (const old of $$(".age")) old.remove();
    if (!kept || location.pathname === "/outbox") return;
    const seconds = (Date.now() - Number(kept)) / 1000;
    const [unit, length] = [["second", 1], ["minute", 60], ["hour", 3600], ["day", 86400]].filter(([, each]) => seconds >= each).pop() || ["second", 1];
    const line = kit.part("age");
    const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
    line.querySelector("bdi").textContent = words.format(-Math.floor(seconds / length), unit);
    $("header").append(line);
  }

  return { party, home, cash, counts, age, entryRow, partyRow, standing, figure, money };
}
