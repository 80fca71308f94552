/** Text that somebody wrote as Markdown; as it was written until what draws it is here. */
import { memo, useEffect, useState } from "react";
import "../styles/markdown.css";

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const [drawn, setDrawn] = useState<{ readonly text: string; readonly html: string } | null>(null);
  useEffect(() => {
    let meant = true;
    import("./markdown").then(
      ({ toHtml }) => meant && setDrawn({ text, html: toHtml(text) }),
      () => undefined,
    );
    return () => {
      meant = false;
    };
  }, [text]);
  if (drawn?.text !== text) return <div className="markdown raw">{text}</div>;
  // biome-ignore lint/security/noDangerouslySetInnerHtml: `toHtml` lets no HTML of the text through
  return <div className="markdown" dangerouslySetInnerHTML={{ __html: drawn.html }} />;
});
