// Says what a typed sum comes to ("120+80*2" is 280), while it is typed. The server reckons again.
import { reckon } from "./money.js";

const MARKS = String.raw`(?:₹|rs\.?)`;

export function showSums() {
  addEventListener("input", ({ target: field }) => {
    const output = field.name === "amount" && field.form.querySelector("output");
    if (!output) return;
    const { exponent = 2 } = field.dataset;
    const minor = /[-+*/×÷x]/i.test(field.value) ? reckon(field.value, exponent, MARKS) : null;
    // Divided for the eye alone: up to the largest amount, each minor unit is still told from the next.
    const shown = Number(minor) / 10 ** exponent;
    output.value = minor === null ? "" : `= ${shown.toLocaleString(document.documentElement.lang)}`;
  });
}
