import { expect, it } from "vitest";
import { html } from "../../../src/cli/commands/verify/page/markup.ts";

it.each([
  ["plain", "plain"],
  ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
  [`" onload="x`, "&quot; onload=&quot;x"],
  ["' onload='x", "&#39; onload=&#39;x"],
  ["&lt;", "&amp;lt;"],
])("%j is put into a page as %j", (text, written) => {
  expect(html`<p title="${text}">${text}</p>`.text).toBe(`<p title="${written}">${written}</p>`);
});

it("what is markup already stays, in lists too; nothing stays nothing", () => {
  const items = ["a", "<b>"].map((item) => html`<i>${item}</i>`);
  expect(html`<b>${items}</b>${[]}${3}`.text).toBe("<b><i>a</i><i>&lt;b&gt;</i></b>3");
});
