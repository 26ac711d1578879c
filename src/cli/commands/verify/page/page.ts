// The result of `verify` as a self-contained HTML page: no scripts, no external resources.
import type { Repeated } from "../../../../postgres/token-counts.ts";
import { share } from "../../../terminal/bars.ts";
import { count, printable } from "../../../terminal/style.ts";
import { MOST_DRAWN, spreadsOf } from "../spread.ts";
import {
  keyIdRows,
  omittedText,
  QUERY_MEANING,
  queueText,
  verdictOf,
  verdictText,
  type Verified,
} from "../report.ts";
import { capitalized, chartOf } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { STYLE } from "./style.ts";

export interface PageOf {
  readonly verified: Verified;
  /** One sentence each. */
  readonly mismatches: readonly string[];
  /** As in the messages, such as `user_logins`. */
  readonly table: string;
  /** Its name and its servers, such as `"logins" at db.example.com:5432`. */
  readonly database: string;
  /** The queue's name. */
  readonly queue: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The version of fetch-etl. */
  readonly version: string;
}

/** Blocks scripts and external resources, even if a value got into the page unescaped. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

export function verifyPage({ verified, mismatches, table, database, queue, at, version }: PageOf): string {
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
        <title>${tableName}: ${verdictText(verified)}</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <header>
          <h1>Rows in the table ${tableName}</h1>
          <p class="muted">
            Database ${printable(database)}. Checked
            <time datetime="${time}">${time.slice(0, 10)} ${time.slice(11, 16)} UTC</time>. Queue ${name}:
            ${queueText(verified.queue)}.
          </p>
          ${verdict(verified, mismatches)}
        </header>
        <main>${counts(verified)} ${charts(verified.columns)} ${details(verified)}</main>
        <footer>
          <p>
            Created by fetch-etl ${version}. Values of masked columns are shown as tokens, not as they were.
          </p>
        </footer>
      </body>
    </html> `;
  return page.text;
}

function verdict(verified: Verified, mismatches: readonly string[]): Markup {
  const { unmaskedQuery } = verified;
  return html`<div class="verdict ${verdictOf(verified)}">
    <p>${verdictText(verified)}</p>
    ${mismatches.map((sentence) => html`<p>${sentence}</p>`)}
    ${
      unmaskedQuery === undefined
        ? []
        : html`<p>${capitalized(QUERY_MEANING)}:</p>
            <pre><code>${printableLines(unmaskedQuery)}</code></pre>`
    }
  </div>`;
}

function counts(verified: Verified): Markup {
  const { expected } = verified;
  const shown: [name: string, value: string][] = [
    ["Rows", count(verified.rows)],
    ...(expected === undefined ? [] : [["Expected rows", count(expected)] satisfies [string, string]]),
    ["Unmasked values", withShare(verified.unmasked, maskedValues(verified))],
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

function charts(columns: Verified["columns"]): Markup | [] {
  const spreads = spreadsOf(columns);
  if (spreads.length === 0) return [];
  const omitted = omittedText(columns);
  return html`<section aria-labelledby="distributions">
    <h2 id="distributions">Distributions</h2>
    ${omitted === undefined ? [] : html`<p class="muted">${omitted}</p>`}
    <div class="cards">${spreads.map(chartOf)}</div>
  </section>`;
}

function details({ rows, columns, quarantined, quarantineReasons }: Verified): Markup {
  const shown = [...columns].slice(0, MOST_DRAWN).map(([name, column]) => [printable(name), column] as const);
  const { names, keys } = keyIdRows(new Map(shown));
  const cards = [
    card(
      "Columns",
      ["Column", "Type", "Distinct", "NULL"],
      shown.map(([name, { type, distinct = 0, nulls }]) => [
        ...[name, type, count(distinct), withShare(nulls, rows)],
      ]),
    ),
    card(
      "Ranges",
      ["Column", "Smallest", "Largest"],
      shown.flatMap(([name, { min, max }]) =>
        min === undefined ? [] : [[name, wrapped(min ?? "-"), wrapped(max ?? "-")]],
      ),
    ),
    card(
      "Rows by masking key",
      ["Key id", "Column", "Rows"],
      keys.flatMap(([id, counts]) =>
        counts.map((each, index) => [id, names[index] ?? "", withShare(each, rows)]),
      ),
    ),
    ...shown.map(([name, { mostRepeated = [] }]) => repeated(`Most repeated ${name}`, mostRepeated, rows)),
    card(
      "Quarantine reasons",
      ["Reason", "Messages"],
      Object.entries(quarantineReasons).map(([reason, messages]) => [
        printable(reason),
        withShare(messages, quarantined),
      ]),
    ),
  ];
  return html`<section aria-labelledby="details">
    <h2 id="details">Details</h2>
    <div class="cards">${cards}</div>
  </section>`;
}

/** The values of masked columns that are not NULL. */
function maskedValues({ rows, columns }: Verified): number {
  const masked = [...columns.values()].filter(({ unmasked }) => unmasked !== undefined);
  return masked.reduce((sum, { nulls }) => sum + rows - nulls, 0);
}

/** `33 (33%)`; `0` without a percentage. */
function withShare(part: number, whole: number): string {
  return part === 0 ? "0" : `${count(part)} (${share(part, whole)})`;
}

function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** A text that may be long. */
function wrapped(text: string): Markup {
  return html`<span class="long">${printable(text)}</span>`;
}

/** @param all the rows of the table */
function repeated(heading: string, tokens: readonly Repeated[], all: number): Markup | [] {
  const rows = tokens.map(({ token, rows: times }) => [
    html`<span class="token">${token}</span>`,
    withShare(times, all),
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
