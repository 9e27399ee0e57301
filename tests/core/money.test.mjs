// static/js/parts/money.js and sum.js against the cases that khata/core/money.py is held to as well.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { formatMinor, reckon, toMinor } from "../../static/js/parts/money.js";
import { showSums } from "../../static/js/parts/sum.js";

const { notations, typed, shown } = JSON.parse(readFileSync(new URL("money_cases.json", import.meta.url)));

test("a typed amount is what the server makes of it", () => {
  for (const [text, currency, minor] of typed) {
    const { exponent, marks } = notations[`${currency} en`];
    assert.equal(toMinor(text, exponent, marks), minor, `${JSON.stringify(text)} ${currency}`);
  }
});

test("without marks everything else is still read", () => {
  assert.equal(toMinor("1,200 + 80*2/-", 2), 136000);
  assert.equal(toMinor("₹5", 2), null);
});

test("what nobody typed is no amount", () => {
  for (const nothing of [undefined, null, ""]) assert.equal(toMinor(nothing, 2), null);
});

test("an amount is shown as the server shows it", () => {
  for (const [minor, notation, text] of shown) assert.equal(formatMinor(minor, notations[notation]), text);
});

test("a sum is rounded half up once, away from zero below it, however large", () => {
  assert.equal(reckon("1/200", 2), 1n);
  assert.equal(reckon("1/201", 2), 0n);
  assert.equal(reckon("1-10/3", 2), -233n);
  assert.equal(reckon("0-1/200", 2), -1n);
  assert.equal(reckon("(0-1)/(0-200)", 2), 1n);
  assert.equal(reckon("999999999*999999999*999999999", 0), 999999997000000002999999999n);
});

// --- sum.js, on as much of a page as it looks at

let typing;
globalThis.addEventListener = (_name, listener) => (typing = listener);
globalThis.document = { documentElement: { lang: "en" } };
showSums();

function says(value, dataset = {}) {
  const output = { value: "as before" };
  typing({ target: { name: "amount", value, dataset, form: { querySelector: () => output } } });
  return output.value;
}

test("what a sum comes to is said while it is typed", () => {
  const said = {
    "120+80*2": "= 280",
    "१२०+८०×२": "= 280",
    "(2+3)*4.5": "= 22.5",
    "10/3": "= 3.33",
    "1.005*3": "= 3.02",
    "₹1,200 + Rs. 80": "= 1,280",
    "5-10": "= -5",
    "5-5": "= 0",
    "100000000000+0.01": "= 100,000,000,000.01",
    12: "",
    "5/0": "",
    "12+": "",
    "": "",
  };
  for (const [value, answer] of Object.entries(said)) assert.equal(says(value), answer, value);
});

test("the field may say how many decimals its currency has", () => {
  assert.equal(says("10/3", { exponent: "0" }), "= 3");
  assert.equal(says("10/3", { exponent: "3" }), "= 3.333");
});

test("other fields, and forms with no place for it, are left alone", () => {
  typing({ target: { name: "note", value: "1+1" } });
  typing({ target: { name: "amount", value: "1+1", dataset: {}, form: { querySelector: () => null } } });
});
