/** The field that a list is filtered by: "/" goes into it, Enter on to the first row that is left, Escape out of it with nothing filtered. */
import type { RefObject } from "react";

interface Props {
  /** For readers of screens: what is looked through. */
  readonly label: string;
  readonly placeholder?: string;
  readonly field: RefObject<HTMLInputElement | null>;
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onEnter: (text: string) => void;
  readonly onEscape: () => void;
}

export function FilterField({ label, placeholder = "Filter", field, text, onText, onEnter, onEscape }: Props) {
  return (
    <label className="find">
      <span className="sr">{label}</span>
      <input
        ref={field}
        type="search"
        placeholder={placeholder}
        value={text}
        onChange={(e) => onText(e.target.value)}
        onKeyDown={(e) => {
          if (e.key !== "Escape" && e.key !== "Enter") return;
          const { value } = e.currentTarget;
          e.currentTarget.blur();
          if (e.key === "Escape") onEscape();
          else onEnter(value);
        }}
      />
      {text === "" && (
        <span className="key" aria-hidden="true">
          /
        </span>
      )}
    </label>
  );
}
