// The style sheet of the page, for light and dark mode, phones and print. It loads nothing.
import { Markup } from "./markup.ts";

/** In both color schemes, text has a contrast of at least 4.5 and bars of at least 3. */
export const STYLE = new Markup(`
:root {
  color-scheme: light dark;
  --ground: #f5f6f4; --card: #ffffff; --text: #1c2430; --muted: #57606c; --line: #dcdfdb;
  --bar: #2f6f8f; --ok: #1d6b3c; --ok-ground: #e4f2e8; --bad: #a3242b; --bad-ground: #fbe7e6;
  --waiting: #7a4d00; --waiting-ground: #fbf0d9;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #12161b; --card: #1a2027; --text: #e4e8ec; --muted: #a2adb8; --line: #2e363f;
    --bar: #6fb1cf; --ok: #86d3a1; --ok-ground: #17301f; --bad: #f3a19c; --bad-ground: #3b1b1c;
    --waiting: #e8c069; --waiting-ground: #33270f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere;
}
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 2.5rem 0 1rem; font-size: 1.125rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: 0.25rem 0 0; }
.muted, th, dt { color: var(--muted); }
.verdict { margin-top: 1.25rem; padding: 0.75rem 1rem; border-radius: 0.5rem; }
.verdict p:first-child { margin: 0; font-weight: 600; }
.ok { background: var(--ok-ground); color: var(--ok); }
.waiting { background: var(--waiting-ground); color: var(--waiting); }
.bad { background: var(--bad-ground); color: var(--bad); }
pre { margin: 0.5rem 0 0; white-space: pre-wrap; font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.counts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 0.75rem; margin: 0; }
.counts > div, .card { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; }
.counts > div { padding: 0.75rem 1rem; }
dt { font-size: 0.8125rem; }
dd { margin: 0; font-size: 1.375rem; white-space: nowrap; font-weight: 600; font-variant-numeric: tabular-nums; }
.cards { columns: 3 21rem; column-gap: 0.75rem; }
.card { margin: 0 0 0.75rem; padding: 1rem; break-inside: avoid; }
table { width: 100%; margin-top: 0.5rem; border-collapse: collapse; font-size: 0.875rem; }
th, td { padding: 0.25rem 0.5rem 0.25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); font-weight: 400; }
tbody th { color: var(--text); }
tbody tr:last-child > * { border-bottom: 0; }
th + th, td { text-align: right; padding-right: 0; padding-left: 0.75rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.token { font: 0.75rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.long { white-space: normal; }
.chart { table-layout: fixed; }
.chart th:first-child { width: 32%; }
.chart th:last-child { width: 3.25rem; }
.chart td, .chart tbody th { border-bottom: 0; }
.chart td:nth-child(2) { text-align: left; padding-right: calc(var(--digits) * 1ch + 0.5rem); }
.chart thead th:nth-child(2) { text-align: left; }
.bar { display: inline-block; height: 0.85em; margin-right: 0.5rem; border-radius: 2px; background: var(--bar); }
footer { padding-top: 2.5rem; padding-bottom: 2.5rem; font-size: 0.875rem; color: var(--muted); }
@media (max-width: 30rem) {
  header, main, footer { padding-left: 0.75rem; padding-right: 0.75rem; }
  header { padding-top: 1.5rem; }
  .counts { grid-template-columns: 1fr 1fr; }
  .card { padding: 0.75rem; }
}
@media print {
  :root { --ground: #ffffff; }
  body { font-size: 11pt; }
  header, main, footer { padding-left: 0; padding-right: 0; }
  .counts > div, .verdict { break-inside: avoid; }
  .cards { columns: 2; }
  .verdict { border: 1px solid currentColor; }
  h2 { break-after: avoid; }
  .bar { print-color-adjust: exact; }
}
`);
