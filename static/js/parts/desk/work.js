// What a member's page does with what this phone keeps. Where the phone can't keep anything, forms go the plain way.
import { ask, renew, sitDown } from "./desk.js";
import { takeForms } from "./forms.js";
import { offerInstall } from "./install.js";
import { openKit } from "./kit.js";
import { idIn, openPaint } from "./paint.js";
import { showShell } from "./shell.js";
import { get } from "../store.js";
import { takeShared } from "./shared.js";

export async function work() {
  const page = document.documentElement;
  try {
    const seat = await sitDown();
    const kit = await openKit();
    const paint = openPaint(seat, kit);
    const isShell = location.pathname === "/outbox" || "shell" in page.dataset;

    let party; // whose account the page is

    async function paintAll() {
      const shown = isShell ? await showShell(seat, kit, paint) : { id: idIn(location.pathname) };
      const list = !isShell && location.pathname === "/" && (await seat.list());
      const rows = await seat.rows();
      party = shown.id;
      if (list) paint.home(list, rows);
      lay(rows);
      paint.badge(rows);
      paint.age();
      delete page.dataset.behind;
      return rows;
    }

    // What needs nothing but the rows.
    function lay(rows) {
      if (party) paint.party(party, rows);
      else if (!isShell && location.pathname === "/cash") paint.cash(rows);
      paint.counts(rows);
    }

    // One after the other: what was read earlier must not be painted over what was read later.
    let last = Promise.resolve();
    const show = () => {
      last = last.then(paintAll);
      return last;
    };

    seat.listen((rows) => (rows ? lay(rows) : show()));
    const rows = await show();
    takeForms(seat, kit.word);
    page.dataset.desk = "open";
    renew(show).then(() => ask({ warm: location.href }));
    if (rows.some(({ state }) => state !== "done")) seat.drain();
    takeShared(seat.desk);
    offerInstall(kit, rows);
  } catch {
    // A kept page, and meanwhile its member is out: what comes instead is the door.
    if (("kept" in page.dataset || "shell" in page.dataset) && !(await get("open").catch(() => 1))) return location.reload();
    delete page.dataset.behind;
    document.querySelectorAll("[data-no-offline]").forEach((notice) => (notice.hidden = false));
  }
}
