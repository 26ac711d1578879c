// The throughput of all contenders at each latency, as an SVG that is legible on a light and on a dark page.
import { BarChart } from "echarts/charts";
import { GridComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { CONTENDERS, type ContenderName } from "../contenders.ts";
import type { ScenarioResult } from "../figures/results.ts";
import type { Machine } from "./machine.ts";

/** What of a report the chart shows. */
interface Charted {
  /** ISO, with the time. */
  readonly date: string;
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioResult[];
}

use([BarChart, GridComponent, TitleComponent, SVGRenderer]);

/** The scenarios that compare all contenders, each a panel. */
const PANELS: Readonly<Record<string, string>> = {
  loopback: "loopback",
  "5ms": "5 ms added to each SQS call",
  "20ms": "20 ms added to each SQS call",
  "50ms": "50 ms added to each SQS call",
};
const OWN: ContenderName = "fetch-etl";
const TITLE = "Messages a second, from the start of the process to the last delete";

const WIDTH = 720;
const TOP = 56;
const PANEL_HEIGHT = 150;
const PANEL_TITLE_HEIGHT = 24;
const LABELS_WIDTH = 210;
const NUMBERS_WIDTH = 70;

/** Text takes the colour of the page's scheme; the bars' two colours fit both. */
const TEXT = "currentColor";
const OWN_COLOUR = "#2f81f7";
const OTHER_COLOUR = "#8b949e";
const STYLE =
  'svg{color:#1f2328;font-family:system-ui,-apple-system,"Segoe UI",sans-serif}' +
  "@media (prefers-color-scheme:dark){svg{color:#e6edf3}}";

/** The text of an SVG file. */
export function drawChart({ scenarios, machine, date }: Charted): string {
  const panels = scenarios.flatMap(({ name, entries }) => {
    const title = PANELS[name];
    return title === undefined ? [] : [{ title, bars: entries.map(bar) }];
  });
  const where =
    `${date.slice(0, 10)}, Node ${machine.node}, ${machine.cores} cores of ${machine.cpu}. ` +
    "Each panel has a scale of its own.";
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: WIDTH,
    height: TOP + panels.length * PANEL_HEIGHT,
  });
  chart.setOption({
    animation: false,
    title: [
      title(TITLE, 0, 15, where),
      ...panels.map((panel, index) => title(panel.title, topOf(index), 13)),
    ],
    grid: panels.map((_, index) => ({
      top: topOf(index) + PANEL_TITLE_HEIGHT,
      height: PANEL_HEIGHT - PANEL_TITLE_HEIGHT - 12,
      left: LABELS_WIDTH,
      right: NUMBERS_WIDTH,
      outerBoundsMode: "none",
    })),
    xAxis: panels.map((_, gridIndex) => ({ type: "value", gridIndex, show: false, max: "dataMax" })),
    yAxis: panels.map(({ bars }, gridIndex) => ({
      type: "category",
      gridIndex,
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { color: TEXT, fontFamily: "inherit", fontSize: 12 },
    })),
    series: panels.map(({ bars }, index) => ({
      type: "bar",
      xAxisIndex: index,
      yAxisIndex: index,
      barCategoryGap: "22%",
      data: bars.map(({ value, colour }) => ({ value, itemStyle: { color: colour } })),
      label: {
        show: true,
        position: "right",
        color: TEXT,
        fontFamily: "inherit",
        fontSize: 12,
        formatter: ({ value }: { value: unknown }) => Number(value).toLocaleString("en"),
      },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  const described = panels.map(
    (panel) => `${panel.title}. ${panel.bars.map(({ name, value }) => `${name}: ${value}`).join("; ")}.`,
  );
  return `${describe(svg, described.join("\n"))}\n`;
}

interface Bar {
  readonly name: string;
  /** Messages a second. */
  readonly value: number;
  readonly colour: string;
}

function bar({ contender, median }: ScenarioResult["entries"][number]): Bar {
  return {
    name: CONTENDERS[contender].title,
    value: Math.round(median.throughput ?? 0),
    colour: contender === OWN ? OWN_COLOUR : OTHER_COLOUR,
  };
}

function topOf(panel: number): number {
  return TOP + panel * PANEL_HEIGHT;
}

function title(text: string, top: number, fontSize: number, subtext = ""): object {
  const textStyle = { color: TEXT, fontFamily: "inherit", fontSize };
  return { text, subtext, top, left: 0, padding: 0, textStyle, subtextStyle: { ...textStyle, fontSize: 12 } };
}

/** Adds a name and a description for those who do not see it, and the style. */
function describe(svg: string, description: string): string {
  return svg.replace(/^<svg([^>]*)>/, (_, attributes: string) =>
    [
      `<svg${attributes} role="img">`,
      `<title>${TITLE}</title>`,
      `<desc>${description}</desc>`,
      `<style>${STYLE}</style>`,
    ].join("\n"),
  );
}
