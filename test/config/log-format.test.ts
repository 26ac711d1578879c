import { expect, it } from "vitest";
import { readLogFormat, type LogFlags } from "../../src/config/log-format.ts";
import { reading } from "./told.ts";

const read = (flags: LogFlags, env: NodeJS.ProcessEnv = {}) =>
  reading((problems) => readLogFormat(flags, env, problems));

it.each<[string, LogFlags, NodeJS.ProcessEnv, string]>([
  ["text when nothing is said", {}, {}, "text"],
  ["the environment's", {}, { FETCH_ETL_LOG_FORMAT: "json" }, "json"],
  ["the flag's first", { logFormat: "text" }, { FETCH_ETL_LOG_FORMAT: "json" }, "text"],
])("is %s", (_, flags, env, format) => {
  expect(read(flags, env)).toEqual({ value: format, told: [] });
});

it("is text for what is no format, and names the setting without what it was", () => {
  const { value, told } = read({}, { FETCH_ETL_LOG_FORMAT: "s3cret" });
  expect(value).toBe("text");
  expect(told).toEqual([expect.stringContaining("FETCH_ETL_LOG_FORMAT")]);
  expect(told.join("")).not.toContain("s3cret");
});
