/** The colours of styles/tokens.css for a canvas, which cannot read `light-dark()`: resolved by the browser, once per theme. */
import type { Theme } from "../domain/colour";
import { useTheme } from "./theme";

const TOKENS = [
  "paper",
  "surface",
  "raised",
  "sunk",
  "ink",
  "ink-2",
  "ink-3",
  "line",
  "line-2",
  "edge",
  "accent",
  "accent-soft",
  "water",
  "bad",
  "bad-soft",
  "warn",
  "warn-soft",
] as const;
export type Palette = Readonly<Record<(typeof TOKENS)[number], string>>;

const known = new Map<Theme, Palette>();

export function usePalette(): Palette {
  const theme = useTheme();
  const held = known.get(theme);
  if (held) return held;
  const probe = document.createElement("i");
  // its own scheme, since the theme on the root element may change in this very moment
  probe.style.colorScheme = theme;
  probe.style.display = "none";
  document.body.append(probe);
  const read = getComputedStyle(probe);
  const palette = Object.fromEntries(
    TOKENS.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, read.color];
    }),
  ) as Palette;
  probe.remove();
  known.set(theme, palette);
  return palette;
}
