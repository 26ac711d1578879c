import { describe, expect, it } from "vitest";
import { readDatabase } from "../../../src/config/database.ts";
import { readDrain, type DrainFlags } from "../../../src/cli/commands/drain/flags.ts";
import { readMapping } from "../../../src/config/mapping.ts";
import { readMaskingKeys } from "../../../src/config/masking-key.ts";
import { readQueue } from "../../../src/config/queue.ts";
import { reading, readingLater } from "../../config/told.ts";
import { sourcesOf } from "../../support/sources.ts";

const read = (flags: DrainFlags) => reading((problems) => readDrain(flags, problems));

const defaults = {
  concurrency: 128,
  batchSize: 300,
  maxMessages: undefined,
  maxSeconds: undefined,
  retryForSeconds: 30,
  waitSeconds: 0,
  ledgerDays: 30,
  onReject: "quarantine",
};

describe("what drain is asked to do", () => {
  it("is this when nothing is said", () => {
    expect(read({})).toEqual({ value: defaults, told: [] });
  });

  it.each<[DrainFlags, object]>([
    [{ concurrency: "1" }, { concurrency: 1 }],
    [{ concurrency: "256" }, { concurrency: 256 }],
    [{ batchSize: "1" }, { batchSize: 1 }],
    [{ batchSize: "10000" }, { batchSize: 10_000 }],
    [{ maxMessages: "1" }, { maxMessages: 1 }],
    [{ maxMessages: "1000000000" }, { maxMessages: 1_000_000_000 }],
    [{ maxSeconds: "1" }, { maxSeconds: 1 }],
    [{ maxSeconds: "86400" }, { maxSeconds: 86_400 }],
    [{ maxSeconds: "4m" }, { maxSeconds: 240 }],
    [{ retryFor: "1h30m" }, { retryForSeconds: 5_400 }],
    [{ ledgerDays: "60d" }, { ledgerDays: 60 }],
    [{ retryFor: "0" }, { retryForSeconds: 0 }],
    [{ retryFor: "86400" }, { retryForSeconds: 86_400 }],
    [{ ledgerDays: "15" }, { ledgerDays: 15 }],
    [{ ledgerDays: "3650" }, { ledgerDays: 3650 }],
    [{ onReject: "leave" }, { onReject: "leave" }],
    [{ onReject: "quarantine" }, { onReject: "quarantine" }],
    [{ dryRun: true }, { maxMessages: 10_000 }],
    [{ dryRun: true, maxMessages: "100000" }, { maxMessages: 100_000 }],
  ])("%j", (flags, expected) => {
    expect(read(flags)).toEqual({ value: { ...defaults, ...expected }, told: [] });
  });

  it.each<[DrainFlags, string]>([
    [
      { dryRun: true, maxMessages: "100001" },
      "--max-messages / FETCH_ETL_MAX_MESSAGES takes a whole number from 1 to 100000.",
    ],
    [{ concurrency: "0" }, "--concurrency / FETCH_ETL_CONCURRENCY takes a whole number from 1 to 256."],
    [{ onReject: "delete" }, "--on-reject / FETCH_ETL_ON_REJECT must be one of: quarantine, leave."],
    [{ onReject: "" }, "--on-reject / FETCH_ETL_ON_REJECT must be one of: quarantine, leave."],
    [{ concurrency: "257" }, "--concurrency / FETCH_ETL_CONCURRENCY takes a whole number from 1 to 256."],
    [{ batchSize: "0" }, "--batch-size / FETCH_ETL_BATCH_SIZE takes a whole number from 1 to 10000."],
    [{ batchSize: "10001" }, "--batch-size / FETCH_ETL_BATCH_SIZE takes a whole number from 1 to 10000."],
    [{ maxMessages: "0" }, "--max-messages / FETCH_ETL_MAX_MESSAGES takes a whole number of 1 or more."],
    [{ maxMessages: "all" }, "--max-messages / FETCH_ETL_MAX_MESSAGES takes a whole number of 1 or more."],
    [
      { maxSeconds: "0" },
      "--max-seconds / FETCH_ETL_MAX_SECONDS takes 1 to 86400 whole seconds, such as 30s, 5m or 1h.",
    ],
    [
      { maxSeconds: "86401" },
      "--max-seconds / FETCH_ETL_MAX_SECONDS takes 1 to 86400 whole seconds, such as 30s, 5m or 1h.",
    ],
    [
      { retryFor: "-1" },
      "--retry-for / FETCH_ETL_RETRY_FOR takes 0 to 86400 whole seconds, such as 30s, 5m or 1h.",
    ],
    [
      { retryFor: "1.5" },
      "--retry-for / FETCH_ETL_RETRY_FOR takes 0 to 86400 whole seconds, such as 30s, 5m or 1h.",
    ],
    [
      { ledgerDays: "36h" },
      "--ledger-days / FETCH_ETL_LEDGER_DAYS takes 15 to 3650 whole days, such as 30d.",
    ],
    [{ ledgerDays: "14" }, "--ledger-days / FETCH_ETL_LEDGER_DAYS takes 15 to 3650 whole days, such as 30d."],
    [
      { ledgerDays: "3651" },
      "--ledger-days / FETCH_ETL_LEDGER_DAYS takes 15 to 3650 whole days, such as 30d.",
    ],
  ])("is not %j, which is told", (flags, sentence) => {
    expect(read(flags).told).toEqual([sentence]);
  });
});

it("all mistakes are told together, from every part of the configuration, and no value with them", async () => {
  const wrong = "wrong!";
  const flags = {
    ...{ concurrency: wrong, batchSize: wrong, maxMessages: wrong, maxSeconds: wrong, retryFor: wrong },
    ...{ ledgerDays: wrong, appVersion: wrong, queue: wrong, endpointUrl: wrong, sqsProtocol: wrong },
  };
  const env = {
    DATABASE_URL: `postgres://u:${encodeURIComponent(wrong)}@h/d?sslmode=${wrong}&port=${wrong}&connect_timeout=${wrong}`,
    FETCH_ETL_MASKING_KEY: wrong,
  };
  const { told } = await readingLater(async (problems) => {
    readDrain(flags, problems);
    await readMapping(flags, () => wrong, problems);
    readQueue(flags, env, 1, problems);
    readMaskingKeys(sourcesOf(env), problems);
    readDatabase(sourcesOf(env), problems);
  });
  expect(told.map((sentence) => sentence.split(" ").find((word) => /^--|_/.test(word)))).toEqual([
    ...["--concurrency", "--batch-size", "--max-messages", "--max-seconds", "--retry-for", "--ledger-days"],
    ...["--app-version", "--sqs-protocol", "--endpoint-url", "--queue", "FETCH_ETL_MASKING_KEY"],
    ...["DATABASE_URL", "connect_timeout", "DATABASE_URL"],
  ]);
  expect(told.join()).not.toContain(wrong);
});
