// Says what a typed sum comes to ("120+80*2" is 280), while it is typed. The server reckons again, exactly.
const ZEROS = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xff10];

export function latin(text) {
  return Array.from(text, (char) => {
    const code = char.codePointAt(0);
    const zero = ZEROS.find((start) => code >= start && code < start + 10);
    return zero === undefined ? char : String(code - zero);
  }).join("");
}

// The value of `text`, or null where it is no sum. Grammar: sum = product {(+|-) product}, product = part {(*|/) part}.
export function reckon(text) {
  const plain = latin(text).replace(/[,\s₹٬]|Rs\.?|\/-$/g, "").replace(/[×xX]/g, "*").replace(/÷/g, "/").replace(/−/g, "-").replace(/٫/g, ".");
  const tokens = plain.match(/\d+(?:\.\d+)?|\.\d+|[-+*/()]/g) || [];
  if (tokens.join("") !== plain || plain.length > 60) return null;
  let at = 0;
  const part = () => {
    if (tokens[at] === "(") {
      at += 1;
      const inner = sum();
      return tokens[at++] === ")" ? inner : NaN;
    }
    return /^[\d.]/.test(tokens[at] || "") ? Number(tokens[at++]) : NaN;
  };
  const product = () => {
    let value = part();
    while (tokens[at] === "*" || tokens[at] === "/") value = tokens[at++] === "*" ? value * part() : value / part();
    return value;
  };
  const sum = () => {
    let value = product();
    while (tokens[at] === "+" || tokens[at] === "-") value = tokens[at++] === "+" ? value + product() : value - product();
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isFinite(value) ? value : null;
}

export function showSums() {
  addEventListener("input", (event) => {
    const field = event.target;
    if (field.name !== "amount") return;
    const output = field.form.querySelector("output");
    if (!output) return;
    const value = /[-+*/×÷xX]/.test(field.value) ? reckon(field.value) : null;
    output.value = value === null ? "" : "= " + value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });
  });
}
