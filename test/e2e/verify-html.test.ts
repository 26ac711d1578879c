// The page of `verify --html`, in a real browser. Skipped where there is no Chromium.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateLogins, WRONG_TYPE } from "../../sandbox/messages.ts";
import { json, withBench, type Outcome } from "../support/bench.ts";

const CHROMIUM = "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const HOSTILE = `<img src=x onerror=alert(1)>"'&`;
const hasBrowser = existsSync(CHROMIUM);
if (!hasBrowser) console.log(`No ${CHROMIUM}: the page of verify --html is not looked at.`);

interface Written {
  /** The run that wrote the page. */
  readonly outcome: Outcome;
  readonly page: string;
  /** What `verify --json` tells of the same rows. */
  readonly told: Record<string, unknown>;
}

let folder = "";
let written: Written;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fetch-etl-page-"));
  const path = join(folder, "page.html");
  written = await withBench(async (bench) => {
    const logins = generateLogins(300).map((login, index) => ({
      ...login,
      create_date: `2026-11-${String(1 + (index % 20)).padStart(2, "0")}`,
      ...(index % 10 === 0 ? { locale: HOSTILE } : {}),
    }));
    await bench.send([...logins.map((login) => JSON.stringify(login)), WRONG_TYPE]);
    await bench.run(["drain", "--quiet"]);
    const outcome = await bench.run(["verify", "--quiet", "--expect", "7", "--html", path]);
    const told = json(await bench.run(["verify", "--json"]));
    return { outcome, told, page: await readFile(path, "utf8") };
  });
});
afterAll(() => rm(folder, { recursive: true }));

it("is written, and exit code 4 stays, where there is a mismatch", async () => {
  expect(written.outcome).toEqual({
    code: 4,
    stdout: "",
    stderr: "error: user_logins has 300 rows; --expect is 7.\n",
  });
  expect(await readdir(folder)).toEqual(["page.html"]);
  expect(written.page).toContain("user_logins has 300 rows; --expect is 7.");
  expect(written.page.match(/<figure/g)).toHaveLength(5);
});

it("has no script, no address to load anything from, no folder and no secret", () => {
  expect(written.page).not.toMatch(/<script|<link|<img|<iframe|src=["']|href=|url\(|@import/);
  expect(written.page).toContain("&lt;img src=x");
  for (const secret of [folder, tmpdir(), "postgres://"]) expect(written.page).not.toContain(secret);
});

it("a file that cannot be written is told before anything is looked at", () =>
  withBench(async (bench) => {
    const { code, stdout, stderr } = await bench.run([
      "verify",
      "--html",
      join(folder, "missing", "page.html"),
    ]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(
      /^error: --html \/ FETCH_ETL_HTML: the file .*page\.html cannot be written: its folder does not exist\. Create it, or name another file \(ENOENT\)\./,
    );
  }));

// A device that takes nothing is Linux's.
it.skipIf(process.platform !== "linux")("one that turns out so is told after all the rest", () =>
  withBench(async (bench) => {
    await bench.run(["drain", "--quiet"]);
    const { code, stdout, stderr } = await bench.run(["verify", "--html", "/dev/full"]);
    expect({ code, verdict: stdout.endsWith("\nok\n") }).toEqual({ code: 1, verdict: true });
    expect(stderr).toBe(
      "error: --html / FETCH_ETL_HTML: the file /dev/full cannot be written: no space is left on its file system. Free some, or name a file on another one (ENOSPC).\n",
    );
    const mismatch = await bench.run(["verify", "--expect", "7", "--html", "/dev/full"]);
    expect(mismatch.code).toBe(4);
  }),
);

it("an empty table makes a page too, and replaces the one before", () =>
  withBench(async (bench) => {
    await bench.run(["drain", "--quiet"]);
    const path = join(folder, "empty.html");
    await writeFile(path, "before");
    expect((await bench.run(["verify", "--quiet", "--html", path])).code).toBe(0);
    const page = await readFile(path, "utf8");
    expect(page).toContain("<!doctype html>");
    expect(page).not.toContain("<figure");
  }));

describe.skipIf(!hasBrowser)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ],
    });
  });
  afterAll(() => browser.close());

  const url = (): string => pathToFileURL(join(folder, "page.html")).href;

  async function withPage(width: number, use: (page: Page) => Promise<void>): Promise<void> {
    const page = await browser.newPage({ viewport: { width, height: 800 } });
    try {
      await use(page);
    } finally {
      await page.close();
    }
  }

  it("asks for nothing but itself, and has nothing to complain of", () =>
    withPage(1280, async (page) => {
      const requests: string[] = [];
      const complaints: string[] = [];
      page.on("request", (request) => requests.push(request.url()));
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", ({ message }) => complaints.push(message));
      await page.goto(url(), { waitUntil: "networkidle" });
      expect(requests).toEqual([url()]);
      expect(complaints).toEqual([]);
      // The watch sees what the page's own policy forbids.
      const blocked = page.waitForEvent("console");
      await page.evaluate(
        `document.body.append(Object.assign(new Image(), { src: "https://example.com/x.png" }))`,
      );
      expect((await blocked).text()).toContain("Content Security Policy");
    }));

  it.each(["light", "dark"] as const)("axe finds no fault with it, in %s", (colorScheme) =>
    withPage(1280, async (page) => {
      await page.emulateMedia({ colorScheme });
      await page.goto(url());
      await page.evaluate(await readFile(AXE, "utf8"));
      const found: unknown = await page.evaluate(
        "axe.run().then(({ violations, passes }) => ({ violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), passes: passes.map(({ id }) => id) }))",
      );
      expect(found).toEqual({
        violations: [],
        passes: expect.arrayContaining(["color-contrast", "empty-table-header"]),
      });
      const ground: unknown = await page.evaluate("getComputedStyle(document.body).backgroundColor");
      expect(ground).toBe(colorScheme === "light" ? "rgb(245, 246, 244)" : "rgb(18, 22, 27)");
    }),
  );

  it.each([360, 1280])("needs no scrolling to the side at %i px", (width) =>
    withPage(width, async (page) => {
      await page.goto(url());
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    }),
  );

  it("names each chart, and shows the numbers of verify --json with bars of their length", () =>
    withPage(1280, async (page) => {
      await page.goto(url());
      const headings: unknown = await page.evaluate(
        "[...document.querySelectorAll('figcaption')].map(({ textContent }) => textContent)",
      );
      expect(headings).toEqual([
        "Rows by device_type",
        "masked_ip values by number of rows",
        "masked_device_id values by number of rows",
        "Rows by locale",
        "Rows by create_date",
      ]);
      const tables: unknown = await page.evaluate(
        "[...document.querySelectorAll('figure')].map((figure) => [...figure.querySelectorAll('tbody tr')].map((row) => [...row.cells].slice(0, 2).map(({ textContent }) => textContent.trim())))",
      );
      expect(tables).toEqual(expectedTables(written.told));
      const lengths: unknown = await page.evaluate(
        "[...document.querySelector('figure').querySelectorAll('.bar')].map((bar) => bar.getBoundingClientRect().width)",
      );
      const numbers = expectedTables(written.told)[0]?.map(([, number]) => Number(number)) ?? [];
      const [longest = 0] = lengths as number[];
      expect(longest).toBeGreaterThan(50);
      for (const [index, length] of (lengths as number[]).entries())
        expect(length / longest).toBeCloseTo((numbers[index] ?? 0) / (numbers[0] ?? 1), 1);
      const counts: unknown = await page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('dl > div')].map((each) => [...each.children].map(({ textContent }) => textContent.trim())))",
      );
      expect(counts).toMatchObject({
        Rows: "300",
        "Expected rows": "7",
        "Unmasked values": "0",
        Quarantined: "1",
      });
    }));
});

interface Told {
  readonly values?: readonly { readonly value: string | null; readonly rows: number }[];
  readonly others?: { readonly values: number; readonly rows: number };
  readonly repeats?: readonly { readonly min: number; readonly max: number; readonly values: number }[];
}

/** Most of their values occur once. */
const NOT_DRAWN = ["user_id", "app_version"];

/** Label and number of each line, as the page should show them. */
function expectedTables(told: Record<string, unknown>): [string, string][][] {
  const columns = told["columns"] as Readonly<Record<string, Told>>;
  return Object.entries(columns)
    .filter(([name]) => !NOT_DRAWN.includes(name))
    .map(([, { values = [], others, repeats = [] }]) => [
      ...values.map(({ value, rows }): [string, string] => [value ?? "(null)", String(rows)]),
      ...(others === undefined
        ? []
        : [[`${others.values} others`, String(others.rows)] satisfies [string, string]]),
      ...repeats.map(({ min, max, values: number }): [string, string] => [
        min === max ? String(min) : `${min} to ${max}`,
        String(number),
      ]),
    ]);
}
