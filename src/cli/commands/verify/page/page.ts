// The result of `verify` as a self-contained HTML page: no scripts, no external resources.
import type { Distributions } from "../../../../postgres/distributions.ts";
import type { Repeated } from "../../../../postgres/verify.ts";
import { share } from "../../../terminal/bars.ts";
import { count, printable } from "../../../terminal/style.ts";
import { spreadsOf, type Spread } from "../spread.ts";
import { dateRange, queueText, type Verified } from "../report.ts";
import { chartOf } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { STYLE } from "./style.ts";

export interface PageOf {
  readonly verified: Verified & { readonly distributions: Distributions };
  /** One sentence each. */
  readonly mismatches: readonly string[];
  /** As in the messages, such as `user_logins`. */
  readonly table: string;
  /** The queue's name. */
  readonly queue: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The version of fetch-etl. */
  readonly version: string;
}

/** Blocks scripts and external resources, even if a value got into the page unescaped. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export function verifyPage({ verified, mismatches, table, queue, at, version }: PageOf): string {
  const name = printable(queue);
  const tableName = printable(table);
  const time = new Date(at).toISOString();
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <title>${tableName}: ${verified.ok ? "ok" : "mismatch"}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <header>
          <h1>Logins in the table ${tableName}</h1>
          <p class="muted">
            Checked <time datetime="${time}">${time.slice(0, 10)} ${time.slice(11, 16)} UTC</time>.
            create_date: ${dateRange(verified)}. Queue ${name}: ${queueText(verified.queue)}.
          </p>
          ${verdict(verified, mismatches)}
        </header>
        <main>${counts(verified)} ${charts(spreadsOf(verified.distributions))} ${details(verified)}</main>
        <footer>
          <p>
            Created by fetch-etl ${version}. Addresses and devices are shown as tokens, not as their original
            values.
          </p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

function verdict({ ok }: Verified, mismatches: readonly string[]): Markup {
  return html`<div class="verdict ${ok ? "ok" : "bad"}">
    <p>${ok ? "ok" : "mismatch"}</p>
    ${mismatches.map((sentence) => html`<p>${sentence}</p>`)}
  </div>`;
}

function counts(verified: Verified): Markup {
  const { distinct, expected } = verified;
  const shown: [name: string, value: string][] = [
    ["Rows", count(verified.rows)],
    ...(expected === undefined ? [] : [["Expected rows", count(expected)] satisfies [string, string]]),
    ["Distinct users", count(distinct.users)],
    ["Distinct addresses", count(distinct.ips)],
    ["Distinct devices", count(distinct.devices)],
    ["Unmasked values", count(verified.unmasked)],
    ["Quarantined", count(verified.quarantined)],
    ...(verified.repeatedBodies === null
      ? []
      : [["Repeated message bodies", count(verified.repeatedBodies)] satisfies [string, string]]),
  ];
  return html`<section aria-labelledby="counts">
    <h2 id="counts">Counts</h2>
    <dl class="counts">
      ${shown.map(
        ([name, value]) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  </section>`;
}

function charts(spreads: readonly Spread[]): Markup | [] {
  if (spreads.length === 0) return [];
  return html`<section aria-labelledby="distributions">
    <h2 id="distributions">Distributions</h2>
    <div class="cards">${spreads.map(figure)}</div>
  </section>`;
}

function figure(spread: Spread): Markup {
  const { heading, of, unit, counted } = spread;
  const whole = counted.reduce((sum, each) => sum + each.count, 0);
  const rows = counted.map((each) => [each.label, count(each.count), share(each.count, whole)]);
  return html`<figure class="card">
    <figcaption><h3>${sentence(heading)}</h3></figcaption>
    ${chartOf(spread)}
    <details>
      <summary>Numbers<span class="hidden">: ${heading}</span></summary>
      ${table([sentence(of), sentence(unit), "Share"], rows)}
    </details>
  </figure>`;
}

function details({ nulls, keyIds, mostRepeated, quarantineReasons }: Verified): Markup {
  const cards = [
    card(
      "Rows without a value",
      ["Column", "Rows"],
      Object.entries(nulls).map(([column, rows]) => [column, count(rows)]),
    ),
    card(
      "Rows by masking key",
      ["Key id", "masked_ip", "masked_device_id"],
      Object.entries(keyIds).map(([id, { ips, devices }]) => [id, count(ips), count(devices)]),
    ),
    repeated("Most repeated devices", mostRepeated.devices),
    repeated("Most repeated addresses", mostRepeated.ips),
    card(
      "Quarantine reasons",
      ["Reason", "Messages"],
      Object.entries(quarantineReasons).map(([reason, messages]) => [printable(reason), count(messages)]),
    ),
  ];
  return html`<section aria-labelledby="details">
    <h2 id="details">Details</h2>
    <div class="cards">${cards}</div>
  </section>`;
}

function repeated(heading: string, tokens: readonly Repeated[]): Markup | [] {
  const rows = tokens.map(({ token, rows: times }) => [
    html`<span class="token">${token}</span>`,
    count(times),
  ]);
  return card(heading, ["Token", "Rows"], rows);
}

type Cell = string | Markup;

function card(heading: string, headings: readonly string[], rows: readonly (readonly Cell[])[]): Markup | [] {
  if (rows.length === 0) return [];
  return html`<section class="card">
    <h3>${heading}</h3>
    ${table(headings, rows)}
  </section>`;
}

/** The first cell of each row is its heading. */
function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): Markup {
  return html`<table>
    <thead>
      <tr>
        ${headings.map((heading) => html`<th scope="col">${heading}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ([first = "", ...cells]) =>
          html`<tr>
            <th scope="row">${first}</th>
            ${cells.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
