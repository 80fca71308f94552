/** A traceback that can be read: the error first, then the author's own lines, deepest first; the rest is there when it is asked for. */
import { useState } from "react";
import type { Frame, Traceback } from "../domain/traceback";
import { counted } from "../domain/words";

export function TracebackView({ traceback }: { traceback: Traceback }) {
  const [all, setAll] = useState(false);
  const deepest = [...traceback.frames].reverse();
  const own = deepest.filter((f) => f.own);
  const shown = all || own.length === 0 ? deepest : own;
  const hidden = deepest.length - shown.length;
  return (
    <section className="traceback" aria-label="Error">
      <pre className="raised">{traceback.error || traceback.said}</pre>
      <ol>
        {shown.map((frame, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: frames of one traceback have no other name and do not move
          <FrameRow key={i} frame={frame} />
        ))}
      </ol>
      {(hidden > 0 || all) && own.length > 0 && own.length < deepest.length && (
        <button type="button" className="plain" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Only my code" : `${counted(hidden, "line")} of libraries`}
        </button>
      )}
    </section>
  );
}

function FrameRow({ frame }: { frame: Frame }) {
  return (
    <li data-own={frame.own || undefined}>
      <p>
        <b>{frame.where || "module"}</b>{" "}
        <span className="faint">
          {frame.file}:{frame.line}
        </span>
      </p>
      {frame.code.length > 0 && <pre>{frame.code.join("\n")}</pre>}
    </li>
  );
}
