/** State colours fitted to the paper they stand on: proto's colours are kept in hue, and moved until they are at least 3:1 against it. */
import { kindOf } from "./states";

export type Rgb = readonly [number, number, number];

export function hexToRgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [(n >> 16) & 255, (n >> 8) & 255, n & 255];
}

export function luminance([r, g, b]: Rgb): number {
  const lin = (v: number) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * lin(r) + 0.7152 * lin(g) + 0.0722 * lin(b);
}

export function contrast(a: Rgb, b: Rgb): number {
  const [hi, lo] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (hi + 0.05) / (lo + 0.05);
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  return [0, 1, 2].map((i) => Math.round((a[i] as number) * (1 - share) + (b[i] as number) * share)) as unknown as Rgb;
}

export type Theme = "light" | "dark";

/** The surfaces of styles/tokens.css, for the places that cannot read CSS: canvas, and this arithmetic. */
export const SURFACE: Record<Theme, Rgb> = { light: hexToRgb("#ffffff"), dark: hexToRgb("#141c1c") };

const fitted = new Map<string, string>();

/** The colour of a state on a theme's surface, as `rgb(r g b)`. */
export function stateColour(state: string, theme: Theme): string {
  const key = `${theme} ${state}`;
  const known = fitted.get(key);
  if (known) return known;
  const own = hexToRgb(kindOf(state).color);
  const toward: Rgb = theme === "light" ? [0, 0, 0] : [255, 255, 255];
  let best = own;
  for (let share = 0; share <= 1 && contrast(best, SURFACE[theme]) < 3.05; share += 0.02)
    best = mix(own, toward, share);
  const css = `rgb(${best[0]} ${best[1]} ${best[2]})`;
  fitted.set(key, css);
  return css;
}
