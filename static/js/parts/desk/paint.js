// Puts into the page what it lacks: rows that wait or were written since, the balance with them, and marks.
import { formatMinor } from "../money.js";
import { overlay } from "../outbox/overlay.js";
import { count, isMissing, isOpen, isRefused, partyOf } from "../outbox/queue.js";
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

  const entryPiece = (row) => [`${row.id} ${row.state}`, () => entryRow(row)];

  // What the phone has written, before the page's own rows, the last piece first. A piece says what it is and how it is
  // made: one that stands there already stays, as laying out all of them anew takes longer than writing one.
  function putMine(place, pieces) {
    const wanted = new Map(pieces);
    const there = new Map();
    for (const item of place.querySelectorAll(".mine")) {
      if (wanted.has(item.dataset.piece)) there.set(item.dataset.piece, item);
      else item.remove();
    }
    let next = place.querySelector(":scope > :not(.mine)");
    for (const [name, make] of wanted) {
      let item = there.get(name);
      if (!item) {
        item = make();
        item.dataset.piece = name;
        place.insertBefore(item, next);
      }
      next = item;
    }
    if (wanted.size) for (const empty of place.querySelectorAll(".empty")) empty.remove();
  }

  // --- a party's page

  function party(id, rows) {
    const balance = $("#balance");
    const entries = $("#entries");
    if (!entries) return;
    const known = new Set(Array.from(entries.querySelectorAll("[id^=e-]"), (item) => item.id.slice(2)));
    const lacks = overlay(pageTag().at, id, rows, known);
    const isListed = ({ kind, subject, fields }) => known.has(kind === "party.settle" ? fields.id : subject);
    putMine(entries, lacks.rows.filter((row) => isWritten(row) && !isListed(row)).map(entryPiece));
    for (const row of lacks.rows) {
      const item = $(`#e-${row.subject}`);
      if (item && !isWritten(row)) item.dataset.state = row.state;
    }
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
    if (!rows.some((row) => isMissing(row, at))) return putMine(parties, []);
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
    const missing = new Map();
    for (const row of rows) {
      const id = partyOf(row);
      const [, name, , kind, minor] = known.get(id) || [id, row.kind === "party.add" && row.fields.name, "", row.fields.kind, 0];
      const isHere = (kind === "supplier") === /kind=supplier/.test(location.search) && !/[?&](q|after)=/.test(location.search);
      if (!name || !isHere || isRefused(row) || $(`:not(.mine) > a[href="/parties/${id}"]`)) continue;
      const stands = standing(list, rows, id, minor);
      missing.set(id, [`${id} ${stands}`, () => partyRow(id, name, stands)]);
    }
    putMine(parties, [...missing.values()]);
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
    const some = rows.filter((row) => (row.kind.startsWith("cash") || row.fields.in_cash) && isMissing(row, at));
    putMine(lines, some.filter(({ kind, subject }) => kind === "cash.record" && !$(`#c-${subject}`)).map(entryPiece));
    for (const { kind, subject, state } of some) {
      const item = kind !== "cash.record" && $(`#c-${subject}`);
      if (item) item.dataset.state = state;
    }
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
      if (/in|got/.test(fields.direction)) more += Math.abs(sum);
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
    for (const [name, number] of [["refused", refused], ["waiting", waiting]]) {
      let line = $(`main > [data-count=${name}]`);
      if (!number || location.pathname === "/outbox") {
        if (line) line.remove();
        continue;
      }
      if (!line) {
        line = kit.part(`count ${name}`);
        $("main").firstElementChild.after(line);
      }
      line.querySelector("bdi").textContent = number.toLocaleString(document.documentElement.lang);
    }
  }

  // On the app's icon; zero takes it away.
  const badge = (rows) => navigator.setAppBadge?.(rows.filter(({ state }) => state !== "done").length).catch(() => {});

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

  return { party, home, cash, counts, badge, age, entryRow, partyRow, standing, money };
}
