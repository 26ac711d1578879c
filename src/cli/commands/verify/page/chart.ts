// A distribution as a table whose counts have bars. Bars are decoration: the numbers are the text, for print and screen readers too.
import { drawn, share } from "../../../terminal/bars.ts";
import { count } from "../../../terminal/style.ts";
import type { Spread } from "../spread.ts";
import { html, type Markup } from "./markup.ts";

/** The shortest visible bar, in percent of the longest. */
const SHORTEST_BAR = 0.7;

export function chartOf({ column, heading, of, unit, counted }: Spread): Markup {
  // The name of a column keeps its case.
  const titled = (text: string): string => (text.startsWith(column) ? text : capitalized(text));
  const whole = counted.reduce((sum, each) => sum + each.count, 0);
  const most = Math.max(...counted.map(drawn), 1);
  const digits = Math.max(...counted.map((each) => count(each.count).length));
  return html`<figure class="card">
    <figcaption><h3>${titled(heading)}</h3></figcaption>
    <table class="chart" style="--digits: ${digits}">
      <thead>
        <tr>
          <th scope="col">${titled(of)}</th>
          <th scope="col">${capitalized(unit)}</th>
          <th scope="col">Share</th>
        </tr>
      </thead>
      <tbody>
        ${counted.map(
          (each) =>
            html`<tr>
              <th scope="row">${each.label}</th>
              <td>${bar((drawn(each) / most) * 100)}${count(each.count)}</td>
              <td>${share(each.count, whole)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </figure>`;
}

/** @param length percent of the longest bar; none for 0 */
function bar(length: number): Markup | [] {
  if (length === 0) return [];
  return html`<span class="bar" style="width: ${Math.max(length, SHORTEST_BAR).toFixed(1)}%"></span>`;
}

export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
