import { describe, expect, it } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { readDotEnv } from "../../../src/cli/dot-env.ts";
import {
  checkDotEnv,
  checkMaskingKey,
  checkRecipient,
  checkSettings,
  checkVersions,
} from "../../../src/cli/commands/doctor/local-checks.ts";
import { Problems } from "../../../src/config/readers.ts";
import { deriveKeys } from "../../../src/masking/keys.ts";
import { createSealer } from "../../../src/recovery/recipients.ts";

const MASTER = Buffer.alloc(32, 7);
const KEY = MASTER.toString("base64");
const { keyId } = deriveKeys(MASTER);

/** A folder with these files, each with its mode and text. */
function contextWith(
  env: NodeJS.ProcessEnv,
  files: Readonly<Record<string, { mode: number; text: string }>> = {},
): Context {
  const services = {
    createSealer: (recipients: readonly string[]) =>
      createSealer(recipients, (length) => Buffer.alloc(length)),
  };
  return {
    env,
    fileMode: (path: string) => files[path]?.mode,
    readFile: (path: string) => {
      const file = files[path];
      if (file === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
      return file.text;
    },
    dotEnv: readDotEnv(
      (path) => {
        const file = files[path];
        if (file === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
        return Buffer.from(file.text);
      },
      () => false,
    ),
    services,
  } as unknown as Context;
}

it.each([
  ["20.19.0", "ok"],
  ["20.20.1", "ok"],
  ["24.0.0", "ok"],
  ["20.9.0", "failed"],
  ["18.20.4", "failed"],
])("Node %s, where 20.19 is needed: %s", (node, status) => {
  expect(checkVersions({ fetchEtl: "1.2.3", node, nodeNeeded: "20.19" })).toMatchObject({
    status,
    finding: `fetch-etl 1.2.3, Node.js ${node}`,
  });
});

it("tells each mistake of the settings by itself", () => {
  const problems = new Problems();
  expect(checkSettings(problems)).toMatchObject([{ status: "ok" }]);
  problems.add("The one.");
  problems.add("The other.");
  expect(checkSettings(problems)).toMatchObject([
    { status: "failed", wayOut: "The one." },
    { status: "failed", wayOut: "The other." },
  ]);
});

describe("a .env", () => {
  it("that is none", () => {
    expect(checkDotEnv(contextWith({}))).toMatchObject({ status: "ok", finding: "none in this directory" });
  });

  it.each([
    [0o600, `DATABASE_URL=postgres://u:p@h/d`, "ok"],
    [0o640, `DATABASE_URL=postgres://u:p@h/d`, "warning"],
    [0o604, `export FETCH_ETL_MASKING_KEY='${KEY}'`, "warning"],
    [0o644, `AWS_SECRET_ACCESS_KEY=s`, "warning"],
    [0o644, `FETCH_ETL_QUEUE=login-queue\n#DATABASE_URL=x\nPGPASSWORD=`, "ok"],
  ])("of mode %o with %s: %s", (mode, text, status) => {
    expect(checkDotEnv(contextWith({}, { ".env": { mode, text } })).status).toBe(status);
  });
});

describe("the masking key", () => {
  it.each([
    ["missing", {}, "No masking key is configured"],
    ["no base64", { FETCH_ETL_MASKING_KEY: "?" }, "is not base64"],
    ["too short", { FETCH_ETL_MASKING_KEY: "AAAA" }, "3 bytes"],
    ["in a file that is not there", { FETCH_ETL_MASKING_KEY_FILE: "gone" }, "gone does not exist"],
  ])("%s", (_what, env, wayOut) => {
    const check = checkMaskingKey(contextWith(env));
    expect(check).toMatchObject({ status: "failed", wayOut: expect.stringContaining(wayOut) });
  });

  it("is told by its id, and earlier ones by theirs", () => {
    const earlier = Buffer.alloc(32, 8);
    const env = { FETCH_ETL_MASKING_KEY: `${KEY},${earlier.toString("base64")}` };
    expect(checkMaskingKey(contextWith(env))).toMatchObject({
      status: "ok",
      finding: `id ${keyId}, earlier ${deriveKeys(earlier).keyId}`,
    });
  });

  it.each([
    [0o400, "ok", `id ${keyId}`],
    [0o440, "warning", `id ${keyId}; others can read its file (mode 0440)`],
  ])("in a file of mode %o: %s", (mode, status, finding) => {
    const context = contextWith({ FETCH_ETL_MASKING_KEY_FILE: "/key" }, { "/key": { mode, text: KEY } });
    expect(checkMaskingKey(context)).toMatchObject({ status, finding });
  });
});

it.each([
  [undefined, "ok", "none: masked values are not stored in the vault"],
  ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z", "ok", "1 recipient:"],
  ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2x", "failed", "no usable recipient"],
  ["somebody", "failed", "no usable recipient"],
])("the recipient %s: %s", async (recipient, status, finding) => {
  const check = await checkRecipient(contextWith({ FETCH_ETL_RECOVERY_RECIPIENT: recipient }));
  expect(check).toMatchObject({ status, finding: expect.stringContaining(finding) });
});
