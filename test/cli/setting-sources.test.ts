import { expect, it } from "vitest";
import { readDotEnv } from "../../src/cli/dot-env.ts";
import { trimVariables } from "../../src/cli/environment.ts";
import { createProgram } from "../../src/cli/program.ts";
import { emptyChoices, SettingSources } from "../../src/cli/setting-sources.ts";
import { variables } from "../support/program.ts";

/** A drain with these arguments in this environment, with this `.env`. */
async function drain(outerEnv: NodeJS.ProcessEnv, text = "", args: readonly string[] = []) {
  const dotEnv = readDotEnv(
    () => Buffer.from(text),
    () => true,
  );
  const env = { ...outerEnv };
  trimVariables(env);
  for (const [name, value] of Object.entries(dotEnv?.values ?? {})) env[name] ??= value;
  trimVariables(env);
  const { command } = createProgram("0.0.0", () => Promise.reject(new Error("no command is run here")));
  await command.parseAsync(["drain", ...args], { from: "user" }).catch(() => undefined);
  const commands = command.commands.filter((each) => each.name() === "drain");
  const sources = { env, outerEnv, dotEnv };
  return {
    sources: new SettingSources(sources, [...commands, command]),
    empty: commands.flatMap((each) => emptyChoices(each, sources)),
  };
}

const FILE = "# mine\nexport FETCH_ETL_QUEUE=live\nDATABASE_URL='postgres://u:s3cret@h/d'\nAWS_REGION=\n";

it.each<[string, NodeJS.ProcessEnv, string, string[], string]>([
  ["the environment", { FETCH_ETL_QUEUE: "staging" }, "", [], "FETCH_ETL_QUEUE=staging (environment)."],
  ["a file", {}, FILE, [], "FETCH_ETL_QUEUE=live (.env line 2)."],
  [
    "the environment over a file",
    { FETCH_ETL_QUEUE: "staging" },
    FILE,
    [],
    "FETCH_ETL_QUEUE=staging (environment, over .env line 2).",
  ],
  [
    "a file, where the environment has nothing in it",
    { FETCH_ETL_QUEUE: " " },
    FILE,
    [],
    "FETCH_ETL_QUEUE=live (.env line 2).",
  ],
  ["the command line, which shows it", {}, "", ["--queue", "mine"], ""],
  [
    "the command line over both",
    { FETCH_ETL_QUEUE: "a" },
    FILE,
    ["--queue", "mine"],
    "--queue=mine (command line, over environment, over .env line 2).",
  ],
  ["nowhere", {}, "", [], ""],
  ["nothing", { FETCH_ETL_QUEUE: "''" }, "", [], "FETCH_ETL_QUEUE is empty (environment)."],
])("an error says that a setting comes from %s", async (_, env, file, args, said) => {
  const { sources } = await drain(env, file, args);
  expect(sources.explain('SQS has no queue "x". Check --queue / FETCH_ETL_QUEUE, and the network.')).toBe(
    said,
  );
});

it("an error says the source of each setting that it names once, and of no other", async () => {
  const { sources } = await drain({ AWS_REGION: "eu-west-1", PGHOST: "db" }, FILE);
  expect(sources.explain("Check DATABASE_URL, AWS_REGION and DATABASE_URL, or --colour.")).toBe(
    "DATABASE_URL is set (.env line 3). AWS_REGION=eu-west-1 (environment, over .env line 4).",
  );
});

it("no secret is shown, whatever variable it is in", async () => {
  const key = Buffer.alloc(32, 7).toString("base64");
  const url = "https://etl:s3cret@host:9091/path?token=s3cret";
  for (const value of [key, url, "postgres://u:s3cret@h/d", "s3cret pa55", "arn:aws:s3cret"]) {
    const secret = value.includes("s3cret") ? "s3cret" : key;
    for (const name of [
      "FETCH_ETL_MASKING_KEY",
      "DATABASE_URL",
      "PGPASSWORD",
      "FETCH_ETL_METRICS_PUSH",
      "HTTPS_PROXY",
      "AWS_SECRET_ACCESS_KEY",
    ]) {
      const { value: shown, isSet } = (await drain({ [name]: value })).sources.of(name);
      expect([isSet, shown]).toEqual([true, undefined]);
    }
    if (secret === key || value.includes("@"))
      for (const name of variables) {
        const setting = (await drain({ [name]: value })).sources.of(name);
        expect(setting.value ?? "", name).not.toContain(secret);
      }
  }
});

it("lists every setting once, with its default", async () => {
  const { sources } = await drain({}, FILE);
  const { all } = sources;
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  const drains = new Set(all.map(({ variable }) => variable));
  for (const name of [
    "FETCH_ETL_QUEUE",
    "FETCH_ETL_CONCURRENCY",
    "FETCH_ETL_LOG_FORMAT",
    "PGHOST",
    "AWS_REGION",
  ])
    expect(drains).toContain(name);
  expect(sources.of("--queue")).toEqual({
    ...{ name: "--queue", variable: "FETCH_ETL_QUEUE", value: "live", isSet: true },
    ...{ source: ".env line 2", default: "login-queue" },
  });
  expect(sources.of("--concurrency")).toMatchObject({
    isSet: false,
    value: undefined,
    source: undefined,
    default: "128",
  });
  // A mapping names a table of its own.
  expect(sources.of("--table")).toMatchObject({ isSet: false, default: "the mapping's table" });
});

it.each<[string, NodeJS.ProcessEnv, string, string[], string[]]>([
  [
    "the environment",
    { FETCH_ETL_QUEUE: "", FETCH_ETL_TABLE: " " },
    "",
    [],
    ["FETCH_ETL_QUEUE", "FETCH_ETL_TABLE"],
  ],
  ["a file", {}, "FETCH_ETL_MAPPING=\n", [], ["FETCH_ETL_MAPPING"]],
  ["the environment, but not in the file", { FETCH_ETL_QUEUE: "" }, FILE, [], []],
  ["the environment, but not on the command line", { FETCH_ETL_QUEUE: "" }, "", ["--queue", "q"], []],
  ["no variable that chooses what is loaded where", { FETCH_ETL_REPORT: "", PGHOST: "" }, "", [], []],
])(
  "a setting that is empty in %s is a mistake, unless it has a default of no consequence",
  async (_, env, file, args, names) => {
    const { empty } = await drain(env, file, args);
    expect(empty).toHaveLength(names.length);
    for (const name of names) expect(empty).toContainEqual(expect.stringMatching(`^${name} is empty\\.`));
  },
);

it("a flag that has no variable with its command does not take the source of another command's", () => {
  const { command } = createProgram("0.0.0", () => Promise.reject(new Error("no command is run here")));
  const quarantine = command.commands.find((each) => each.name() === "quarantine");
  const replay = quarantine?.commands.filter((each) => each.name() === "replay") ?? [];
  expect(replay).toHaveLength(1);
  const env = { FETCH_ETL_QUEUE: "q" };
  const sources = new SettingSources({ env, outerEnv: env, dotEnv: undefined }, [
    ...replay,
    command,
    ...command.commands,
  ]);
  expect(sources.explain("Name the queue to replay with --queue.")).toBe("");
});
