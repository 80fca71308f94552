/** Something to be typed in a terminal, with a button that copies it where the browser allows that. */
import { useState } from "react";

export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="command">
      <pre>{text}</pre>
      {/* Browsers give the clipboard to pages of https and of this machine only. */}
      {globalThis.navigator?.clipboard && (
        <button
          type="button"
          className="quiet"
          onClick={() => {
            void navigator.clipboard.writeText(text).then(() => setCopied(true));
          }}
        >
          {copied ? "Copied" : "Copy"}
        </button>
      )}
    </div>
  );
}
