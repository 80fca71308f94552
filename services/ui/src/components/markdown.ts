/**
 * Markdown to HTML that may be shown: HTML in it stands as it was written, links go only where a link may go, pictures are links, since
 * looking at what a run wrote tells no other server of it. A chunk of its own: fetched where there is something to show.
 */
import MarkdownIt from "markdown-it";

const SAFE = /^(?:https?:|mailto:|\/(?!\/)|#)/i;
/** The page has headings above these. */
const DEEPER = 2;

const written = new MarkdownIt({ html: false });
written.validateLink = (url) => SAFE.test(url);
written.renderer.rules.image = (tokens, i) => {
  const { escapeHtml } = written.utils;
  const [token, src] = [tokens[i], String(tokens[i]?.attrGet("src") ?? "")];
  return `<a href="${escapeHtml(src)}" target="_blank" rel="noreferrer">${escapeHtml(token?.content || src)}</a>`;
};
written.renderer.rules.link_open = (tokens, i, options, _, self) => {
  tokens[i]?.attrSet("target", "_blank");
  tokens[i]?.attrSet("rel", "noreferrer");
  return self.renderToken(tokens, i, options);
};
written.core.ruler.push("deeper", ({ tokens }) => {
  for (const token of tokens)
    if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + DEEPER)}`;
});

export function toHtml(text: string): string {
  return written.render(text);
}
