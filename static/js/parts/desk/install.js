// Offers the home screen once somebody has found Khata useful: after a few entries, and never again once declined.
import { get, set } from "../store.js";

const ENOUGH = 3;

export function offerInstall(kit, rows) {
  addEventListener("beforeinstallprompt", async (event) => {
    event.preventDefault();
    if (location.pathname !== "/" || (await get("no install")) || rows.filter(({ kind }) => kind === "entry.record").length < ENOUGH) return;
    const hint = kit.part("install");
    const [yes, no] = hint.querySelectorAll("button");
    yes.onclick = () => hint.remove() || event.prompt();
    no.onclick = () => hint.remove() || set("no install", true);
    document.querySelector("main").append(hint);
  });
}
