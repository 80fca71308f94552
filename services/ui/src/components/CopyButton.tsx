/** Copies a text, and says so; where the browser gives no clipboard (an address that is not secure), the text is selected instead. */
import { useEffect, useState } from "react";

async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  // inside of an open dialog, since what lies behind one cannot be selected
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("no clipboard");
}

interface Props {
  readonly text: string;
  readonly children: string;
  readonly className?: string;
  readonly label?: string;
}

export function CopyButton({ text, children, className = "quiet", label }: Props) {
  const [said, setSaid] = useState<string | null>(null);
  useEffect(() => {
    if (said === null) return;
    const timer = setTimeout(() => setSaid(null), 2_000);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <button
      type="button"
      className={className}
      data-copy={text}
      aria-label={said === null ? label : undefined}
      onClick={() =>
        void copy(text).then(
          () => setSaid("Copied"),
          () => setSaid("Not allowed"),
        )
      }
    >
      <span aria-live="polite">{said ?? children}</span>
    </button>
  );
}
