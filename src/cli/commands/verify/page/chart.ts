// A chart as SVG, drawn without a browser, in the page's colors: `currentColor` and `--bar`.
import * as Plot from "@observablehq/plot";
import { DOMParser } from "linkedom";
import { drawn, type Counted } from "../../../terminal/bars.ts";
import { count } from "../../../terminal/style.ts";
import type { Spread } from "../spread.ts";
import { shorten } from "../../../terminal/table.ts";
import { html, Markup } from "./markup.ts";

/** CSS pixels. The page shows it at about this size, even on a phone, so that the text stays legible. */
const WIDTH = 340;
const ROW_HEIGHT = 24;
const FONT_SIZE = 12;
/** Upper bounds for the width of a character of that size: narrow and wide ones. */
const NARROW = 7.2;
const WIDE = 12;
const LONGEST_LABEL = 14;
const GAP = 8;
/** The shortest visible bar, as a fraction of the longest. */
const SHORTEST_BAR = 1 / 150;

/** Labels that Plot adds to groups within a chart, which would only confuse screen readers. */
const GROUP_LABEL = /(<g\b[^<>]*?) aria-label="[^"]*"/g;

export function chartOf({ heading, counted }: Spread): Markup {
  const labels = counted.map(({ label }) => shorten(label, LONGEST_LABEL));
  const numbers = counted.map((each) => count(each.count));
  const most = Math.max(...counted.map(drawn), 1);
  const bars = counted.map((each, index) => ({
    index,
    length: drawn(each) === 0 ? 0 : Math.max(drawn(each), most * SHORTEST_BAR),
    number: numbers[index],
  }));
  const svg: unknown = Plot.plot({
    document: new DOMParser().parseFromString("<html></html>", "text/html"),
    width: WIDTH,
    height: counted.length * ROW_HEIGHT,
    marginTop: 0,
    marginBottom: 0,
    marginLeft: widest(labels) + GAP,
    marginRight: widest(numbers) + GAP,
    // By index, because two labels can be equal after shortening.
    y: { domain: bars.map(({ index }) => index), padding: 0.3, label: null },
    x: { domain: [0, most], axis: null },
    marks: [
      Plot.axisY({
        tickFormat: (index: number) => labels[index] ?? "",
        tickSize: 0,
        tickPadding: GAP,
        fontSize: FONT_SIZE,
      }),
      Plot.barX(
        bars.filter((_, index) => counted[index]?.isRest !== true),
        { x: "length", y: "index", fill: "var(--bar)", rx: 2 },
      ),
      Plot.text(bars, {
        x: "length",
        y: "index",
        text: "number",
        textAnchor: "start",
        dx: GAP / 2,
        fontSize: FONT_SIZE,
      }),
    ],
  });
  const start = html`<svg role="img" aria-label="${described(heading, counted)}" `.text;
  return new Markup(
    outerHtml(svg)
      .replace(GROUP_LABEL, "$1")
      .replace("<svg ", () => start),
  );
}

/** Alternative text; the numbers are in a table next to the chart. */
function described(heading: string, counted: readonly Counted[]): string {
  const [first, ...others] = counted.filter(({ isRest }) => isRest !== true);
  if (first === undefined) return `Bar chart of ${heading}`;
  const longest = others.reduce((most, each) => (each.count > most.count ? each : most), first);
  return `Bar chart of ${heading}. Longest bar: ${longest.label}, ${count(longest.count)}.`;
}

function widest(texts: readonly string[]): number {
  const widths = texts.map((text) =>
    Array.from(text).reduce((sum, character) => sum + (/[ -@[-~]/.test(character) ? NARROW : WIDE), 0),
  );
  return Math.ceil(Math.max(...widths));
}

function outerHtml(element: unknown): string {
  if (typeof element !== "object" || element === null || !("outerHTML" in element))
    throw new TypeError("not an element");
  return String(element.outerHTML);
}
