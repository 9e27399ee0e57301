// Amounts on the phone, as khata/core/money.py reads and writes them: whole minor units, exact fractions, no floats.

// The zeros of the scripts whose digits may be typed.
const ZEROS = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xff10];
// What comes along when text is pasted or typed right to left, and carries no meaning in a number.
const INVISIBLE = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
const NUMBER = String.raw`((?:\d{1,3}(?:,\d{3})+|\d\d?(?:,\d\d)*,\d{3}|\d+)(?:\.\d*)?|\.\d+)`;
// How an amount is closed on paper: only where no number follows.
const CLOSING = String.raw`(?:\s*/[-=](?=\s*(?:$|[-+*/)x])))?`;

// The same text with Western digits and signs; throws where digits of two scripts stand together, or it is too long.
function plain(typed) {
  const scripts = new Set();
  const text = typed
    .replace(INVISIBLE, "")
    .replace(/[^]/g, (char) => {
      const code = char.charCodeAt();
      const zero = ZEROS.find((start) => code >= start && code < start + 10);
      if (!zero) return char;
      scripts.add(zero);
      return code - zero;
    })
    .replace(/[！-～]/g, (wide) => wide.normalize("NFKC"))
    .replace(/[×✕✖∗]/g, "*")
    .replace(/[÷∕]/g, "/")
    .replace(/[−–]/g, "-")
    .replace(/٫/g, ".")
    .replace(/[٬،]/g, ",")
    .replace(/[\x1c-\x1f\x85]/g, " ") // spaces to Python alone
    .trim();
  if (scripts.size > 1 || text.length > 60) throw 0;
  return text.toLowerCase();
}

// Numbers without their group commas, and signs, in order; throws where there is anything else. A comma out of its
// place is left over, or cuts a number in two.
function tokensOf(text, marks) {
  const tokens = [];
  const pattern = RegExp(String.raw`(?:${marks}\s*)?${NUMBER}${CLOSING}(?:\s*${marks})?|([-+*/()x])`, "g");
  const rest = text.replace(pattern, (_all, number, sign) => {
    tokens.push(sign || number.replace(/,/g, ""));
    return "";
  });
  if (rest.trim()) throw 0;
  return tokens;
}

// The minor units that `typed` comes to, a BigInt of any size and sign, rounded half up once; null where it is no
// amount or sum. `marks` is the currency's in khata/core/money.py:notation.
export function reckon(typed, exponent, marks = "") {
  let at = 0;
  let numbers = 0;
  let decimals;
  let tokens;
  // A fraction is [numerator, denominator]. What is no number has no digits, and BigInt throws.
  const part = () => {
    const token = tokens[at++];
    if (token === "(") {
      const inner = sum();
      if (tokens[at++] !== ")") throw 0;
      return inner;
    }
    const [whole, rest = ""] = token.split(".");
    numbers += 1;
    decimals = rest.length;
    return [BigInt(whole + rest), 10n ** BigInt(decimals)];
  };
  const product = () => {
    let [a, b] = part();
    while ("*x/".includes(tokens[at])) {
      const sign = tokens[at++];
      const [c, d] = part();
      [a, b] = sign === "/" ? [a * d, b * c] : [a * c, b * d];
      if (!b) throw 0;
    }
    return [a, b];
  };
  // A sign of its own is read only where an expression starts: "--", "5*-2" and "80++20" are slips.
  const sum = () => {
    let [a, b] = /[+-]/.test(tokens[at]) ? [0n, 1n] : product();
    while ("+-".includes(tokens[at])) {
      const sign = tokens[at++];
      const [c, d] = product();
      [a, b] = [sign === "+" ? a * d + b * c : a * d - b * c, b * d];
    }
    return [a, b];
  };
  try {
    tokens = tokensOf(plain(typed), marks);
    const [a, b] = sum();
    if (at < tokens.length || (numbers < 2 && decimals > exponent)) return null;
    const twice = 2n * 10n ** BigInt(exponent) * a;
    return (twice + (a < 0n === b < 0n ? b : -b)) / (2n * b);
  } catch {
    return null;
  }
}

// The minor units, a Number, of an amount that the server takes; null of any other text.
export function toMinor(typed, exponent, marks) {
  const minor = reckon(typed, exponent, marks);
  return minor > 0 && minor <= 1e13 ? Number(minor) : null;
}

// As the `money` filter writes it, without its <bdi>; { prefix, exponent, lakhs } is of khata/core/money.py:notation.
export function formatMinor(minor, { prefix, exponent, lakhs }) {
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const point = digits.length - exponent;
  const whole = digits.slice(0, point).replace(lakhs ? /\B(?=(\d\d)*\d{3}$)/g : /\B(?=(\d{3})+$)/g, ",");
  const rest = digits.slice(point);
  return (minor < 0 ? "−" : "") + prefix + whole + (/[1-9]/.test(rest) ? "." + rest : "");
}
