// `npm run picture`: draws docs/drain.svg, the picture in the README: a terminal on which the commands really ran.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { IBufferCell, IBufferLine } from "@xterm/headless";
import { withSandbox } from "../sandbox/sandbox.ts";
import { onTerminal } from "../test/support/terminal.ts";

const COMMANDS = ["peek --count 3", "drain", "verify --expect 99"];
const COLUMNS = 80;

/** Sizes in the units of the picture. */
const CELL = { width: 8.4, height: 19 };
const MARGIN = 16;
const COLOURS = ["#484f58", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#e6edf3"];
const TEXT = "#e6edf3";
const BACKGROUND = "#0d1117";

/** Words of one style, a blank apart. */
interface Run {
  readonly column: number;
  readonly style: string;
  text: string;
}

function styleOf(cell: IBufferCell): string {
  const colour = cell.isFgPalette() ? (COLOURS[cell.getFgColor() % 8] ?? TEXT) : TEXT;
  return `fill="${colour}"${cell.isBold() ? ' font-weight="bold"' : ""}${cell.isDim() ? ' opacity="0.65"' : ""}`;
}

function runsOf(line: IBufferLine): Run[] {
  const runs: Run[] = [];
  for (let column = 0; column < line.length; column += 1) {
    const cell = line.getCell(column);
    const text = cell?.getChars() ?? "";
    if (cell === undefined || text.trim() === "") continue;
    const style = styleOf(cell);
    const last = runs.at(-1);
    const gap = last?.style === style ? column - last.column - last.text.length : Infinity;
    if (last !== undefined && gap <= 1) last.text += " ".repeat(gap) + text;
    else runs.push({ column, style, text });
  }
  return runs;
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);

function draw(lines: readonly IBufferLine[]): string {
  const width = COLUMNS * CELL.width + 2 * MARGIN;
  const height = lines.length * CELL.height + 2 * MARGIN;
  const texts = lines.flatMap((line, row) =>
    runsOf(line).map(({ column, style, text }) => {
      const [x, y] = [MARGIN + column * CELL.width, MARGIN + (row + 0.75) * CELL.height];
      const length = (text.length * CELL.width).toFixed(1);
      return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" textLength="${length}" ${style}>${escaped(text)}</text>`;
    }),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">`,
    `<title>Terminal: fetch-etl ${COMMANDS.join(", fetch-etl ")}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">',
    ...texts,
    "</g></svg>\n",
  ].join("\n");
}

async function run(env: Readonly<Record<string, string>>, cwd: string): Promise<IBufferLine[]> {
  const bin = fileURLToPath(new URL("../../bin/fetch-etl.js", import.meta.url));
  const script = COMMANDS.map(
    (command) => `printf '\\033[1m$ fetch-etl ${command}\\033[0m\\n'; "$NODE" "$BIN" ${command}; echo`,
  ).join("; ");
  const session = onTerminal(script, COLUMNS, {
    env: {
      PATH: process.env["PATH"] ?? "",
      TERM: "xterm-256color",
      NODE: process.execPath,
      BIN: bin,
      ...env,
    },
    cwd,
  });
  await session.ended;
  await session.screen();
  const lines = Array.from(
    { length: session.buffer.length },
    (_, row) => session.buffer.getLine(row) ?? [],
  ).flat();
  return lines.slice(0, lines.findLastIndex((line) => line.translateToString(true) !== "") + 1);
}

const folder = await mkdtemp(join(tmpdir(), "fetch-etl-picture-"));
try {
  await withSandbox({}, async (sandbox) => {
    const key = randomBytes(32).toString("base64");
    const lines = await run({ ...sandbox.env, FETCH_ETL_MASKING_KEY: key }, folder);
    await writeFile("docs/drain.svg", draw(lines));
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
