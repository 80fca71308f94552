import { describe, expect, it } from "vitest";
import { toHtml } from "../src/components/markdown";

describe("Markdown that a run wrote", () => {
  it("is drawn, with headings below those of the page", () => {
    expect(toHtml("# Water\n\n- *high*\n\n| a | b |\n|---|---|\n| 1 | 2 |")).toBe(
      "<h3>Water</h3>\n<ul>\n<li><em>high</em></li>\n</ul>\n<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>\n",
    );
  });
  it("brings no HTML of its own", () => {
    const html = toHtml('<script>alert(1)</script>\n\na <img src=x onerror="alert(1)"> b\n\n```html"><b>\n<b>\n```');
    expect(html).not.toMatch(/<(script|img|b)\b/);
    expect(html).toContain("&lt;script&gt;");
  });
  it("leads only where a link may lead", () => {
    for (const url of [
      "javascript:alert(1)",
      "JaVaScRiPt:alert(1)",
      "data:text/html,x",
      "file:///etc/passwd",
      "//elsewhere",
    ])
      expect(toHtml(`[here](${url}) <${url}>`)).not.toContain("<a ");
    expect(toHtml("[here](https://example.org/a)")).toBe(
      '<p><a href="https://example.org/a" target="_blank" rel="noreferrer">here</a></p>\n',
    );
    expect(toHtml("[run](/runs?q=1)")).toContain('href="/runs?q=1"');
  });
  it("fetches no picture", () => {
    const html = toHtml('![a "view](https://example.org/x.png)');
    expect(html).not.toContain("<img");
    expect(html).toContain('<a href="https://example.org/x.png" target="_blank" rel="noreferrer">a &quot;view</a>');
  });
});
