/** JSON that a person types: read, or refused in words that say where and what to write instead. */

export type Read = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

/** The text without what stands in strings, its length kept, so that marks outside of strings can be looked for. */
function outside(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"?/g, (s) => '"'.padEnd(s.length, "_"));
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/'/, "JSON wants double quotes."],
  [/\b(True|False|None)\b/, "JSON writes true, false and null."],
  [/,\s*[\]}]/, "There is a comma before a closing bracket."],
  [/\b(NaN|-?Infinity)\b/, "JSON knows no NaN and no Infinity."],
  [/(^|\s)(#|\/\/)/, "JSON knows no comments."],
];

const TOKEN =
  /\s*(?:([[\]{}:,])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w))/uy;

/** Where a text ceases to be JSON; its length when it only lacks an end. Browsers tell this in words of their own, and not always. */
function faultAt(text: string): number {
  const open: string[] = [];
  let wants: "value" | "first" | "key" | "colon" | "next" = "value";
  for (let at = 0; ; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    const begin = at + (text.slice(at).length - text.slice(at).trimStart().length);
    if (!found) return begin;
    const [, mark, string] = found;
    const inside = open.at(-1);
    if ((mark === "]" || mark === "}") && inside === mark && (wants === "next" || wants === "first")) {
      open.pop();
      wants = "next";
    } else if (wants === "next" && mark === "," && inside) wants = inside === "}" ? "key" : "value";
    else if (wants === "colon" && mark === ":") wants = "value";
    else if (string !== undefined && (wants === "key" || (wants === "first" && inside === "}"))) wants = "colon";
    else if (wants === "value" || (wants === "first" && inside === "]")) {
      if (mark === "[" || mark === "{") {
        open.push(mark === "[" ? "]" : "}");
        wants = "first";
      } else if (mark === undefined) wants = "next";
      else return begin;
    } else return begin;
  }
}

function placeOf(text: string): string {
  const at = faultAt(text);
  if (at >= text.trimEnd().length) return "It ends too early.";
  const before = text.slice(0, at).split("\n");
  return `Line ${before.length}, column ${(before.at(-1) as string).length + 1} is wrong.`;
}

/** A number that a browser cannot hold exactly, which would arrive as another one. */
export function inexact(text: string): string | null {
  for (const [digits] of outside(text).matchAll(/-?\d{16,}(?![\d.eE])/g))
    if (BigInt(digits) !== BigInt(Number(digits))) return digits;
  return null;
}

export function readJson(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const plain = outside(text);
    const hint = HINTS.find(([mark]) => mark.test(plain))?.[1];
    return { ok: false, message: `This is not JSON. ${placeOf(text)}${hint ? ` ${hint}` : ""}` };
  }
  const number = inexact(text);
  if (number !== null)
    return { ok: false, message: `A browser cannot send ${number} exactly; use the command line for it, or a text.` };
  return { ok: true, value };
}
