import { DATABASE_CHECKS, LOCAL_CHECKS, QUEUE_CHECKS, type Check } from "../../../doctor/check.ts";
import type { Context } from "../../context.ts";
import { writeJson } from "../../output.ts";
import { styleFor, plural, printable, type Style } from "../../terminal/style.ts";
import { settingText, type Setting } from "../../setting-sources.ts";
import { wrap } from "../../terminal/table.ts";

const MARKS = {
  ok: ["✔", "green"],
  warning: ["!", "yellow"],
  failed: ["✖", "red"],
  skipped: ["-", "dim"],
} as const satisfies Record<Check["status"], readonly [mark: string, color: keyof Style]>;

const NAME_WIDTH = Math.max(
  ...[...LOCAL_CHECKS, ...QUEUE_CHECKS, ...DATABASE_CHECKS].map((name) => name.length),
);
/** Mark, space, name and two spaces. */
const INDENT = 1 + 1 + NAME_WIDTH + 2;

export function writeDiagnosisJson(context: Context, checks: readonly Check[]): void {
  writeJson(context.stdout, {
    command: "doctor",
    checks: checks.map((check) => ({
      name: check.name,
      status: check.status,
      finding: printable(check.finding),
      ...("wayOut" in check ? { wayOut: printable(check.wayOut) } : {}),
    })),
    settings: context.settings.all.map((setting) => ({
      name: setting.name,
      variable: setting.variable ?? null,
      set: setting.isSet,
      value: setting.value ?? null,
      source: setting.source ?? null,
      default: setting.default ?? null,
    })),
    ok: !checks.some(({ status }) => status === "failed"),
  });
}

/** A line for each setting that is set, then the defaults of the others, then the names of those without. Wrapped on a terminal. */
export function writeSettings({ stdout, env, settings }: Context): void {
  const style = styleFor(stdout, env);
  const { all } = settings;
  const given = all.filter(({ source }) => source !== undefined);
  const others = all.filter(({ source }) => source === undefined);
  const standard = others.flatMap(({ name, default: value }) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const unset = others.flatMap(({ name, default: value }) => (value === undefined ? [name] : []));
  const lines = [
    ...given.map((setting) => settingText(setting) + overText(setting)),
    ...(standard.length === 0 ? [] : [`default: ${standard.join(", ")}`]),
    ...(unset.length === 0 ? [] : [`not set: ${unset.join(", ")}`]),
  ];
  stdout.write(`${style.bold("settings")}\n`);
  for (const line of lines) {
    const [first, ...rest] = wrap(printable(line), stdout.columns - SETTING_INDENT);
    stdout.write(`  ${first ?? ""}\n`);
    for (const text of rest) stdout.write(`${" ".repeat(SETTING_INDENT)}${text}\n`);
  }
}

const SETTING_INDENT = 4;

function overText({ default: standard }: Setting): string {
  return standard === undefined ? "" : `, default ${standard}`;
}

/** One line per check, followed by the fix if there is one. Wrapped on a terminal. */
export function writeChecks({ stdout, env }: Context, checks: readonly Check[]): void {
  const style = styleFor(stdout, env);
  const width = stdout.columns - INDENT;
  for (const check of checks) {
    const texts = "wayOut" in check ? [check.finding, check.wayOut] : [check.finding];
    const [first, ...others] = texts.flatMap((text) => wrap(printable(text), width));
    const [mark, color] = MARKS[check.status];
    stdout.write(`${style[color](mark)} ${check.name.padEnd(NAME_WIDTH)}  ${first ?? ""}\n`);
    for (const line of others) stdout.write(`${" ".repeat(INDENT)}${line}\n`);
  }
}

/** The summary in the last line. */
export function writeVerdict({ stdout, env }: Context, checks: readonly Check[]): void {
  const style = styleFor(stdout, env);
  const count = (status: Check["status"]): number => checks.filter((check) => check.status === status).length;
  const [failures, warnings, skips] = [count("failed"), count("warning"), count("skipped")];
  const parts = [
    failures === 0 ? style.green("ok") : style.red(`${failures} failed`),
    ...(warnings === 0 ? [] : [plural(warnings, "warning")]),
    ...(skips === 0 ? [] : [`${skips} not checked`]),
  ];
  stdout.write(`${parts.join(", ")}\n`);
}
