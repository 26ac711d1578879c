// Connections to Postgres that are closed, reset, cancelled or fall silent at any moment, under everything that holds one.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { generateLogins, mulberry32 } from "../../sandbox/messages.ts";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import type { Entry } from "../../src/drain/ports.ts";
import { explain } from "../../src/explain.ts";
import { checkDatabase } from "../../src/postgres/doctor.ts";
import { initialise } from "../../src/postgres/init.ts";
import { verifyTables } from "../../src/postgres/verify.ts";
import { openLoader } from "../../src/postgres/load.ts";
import { openQuarantine } from "../../src/postgres/quarantine.ts";
import { openRotation } from "../../src/postgres/rotation.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { createOpener } from "../../src/recovery/identities.ts";
import { createSealer } from "../../src/recovery/recipients.ts";
import { createRemask } from "../../src/recovery/remask.ts";
import { readVault } from "../postgres/entries.ts";
import { loginEntries } from "../support/login-entries.ts";
import { startUnreliablePostgres, type Ending } from "../support/unreliable-postgres.ts";
import { withVault, type VaultBench } from "../support/vault.ts";
import { reading } from "../config/told.ts";
import { times } from "./invariant.ts";
import { SEED } from "./random.ts";
import { sourcesOf } from "../support/sources.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:chaos";
const UNAVAILABLE = 5;
/** More than the server says in the longest of the sessions. */
const MOST_BYTES = 12_000;
const LOGIN_BYTES = 600;

function settingsFor(url: string): DatabaseSettings {
  const { value } = reading((problems) =>
    readDatabase(sourcesOf({ DATABASE_URL: `${url}?sslmode=disable` }), problems),
  );
  if (value === undefined) throw new Error("no settings");
  return value;
}

const KINDS = ["closed", "reset", "silent", "every 3 ms", "cancelled"] as const;

type Work = (settings: DatabaseSettings) => Promise<unknown>;

/** What each command does with Postgres, without a process of its own. */
async function everyCommand(bench: VaultBench): Promise<Record<string, Work>> {
  const sealer = await createSealer([bench.holder.recipient], randomBytes);
  const earlier = deriveKeys(Buffer.from(bench.env["FETCH_ETL_MASKING_KEY"] ?? "", "base64"));
  const keys = deriveKeys(randomBytes(32));
  const opener = createOpener(await readFile(bench.holder.file, "utf8"));
  const entries = loginEntries({ keys: earlier, queueId: QUEUE, randomBytes, sealer });
  let sent = 0;
  const batch = (): Entry[] =>
    ["{}", ...generateLogins(20).map((login) => JSON.stringify(login))]
      .flatMap((body) =>
        Array.from(
          entries.items({ messageId: `m${++sent}`, body, sentAt: Date.now() }),
          ({ entry }) => entry,
        ),
      )
      .filter((entry) => entry !== undefined);
  const [row] = await bench.sql<{ token: string }[]>`select token from fetch_etl.vault limit 1`;
  const token = row?.token ?? "";
  return {
    drain: async (settings) => {
      const loader = await openLoader(settings, QUEUE, sealer.dataKey);
      try {
        await loader.load(batch());
        await loader.load(batch());
        await loader.prune(30, new AbortController().signal);
      } finally {
        await loader.close();
      }
    },
    init: initialise,
    verify: (settings) => verifyTables(settings, "values"),
    doctor: (settings) => checkDatabase(settings, true, Date.now),
    quarantine: async (settings) => {
      const quarantine = await openQuarantine(settings);
      try {
        await quarantine.summary();
        await quarantine.find("m1");
        await (await quarantine.openReplay(sealer.dataKey, undefined)).page(undefined);
        await quarantine.purge({}, "replayed");
      } finally {
        await quarantine.close();
      }
    },
    reveal: (settings) => readVault(settings, [token], "chaos"),
    rotate: async (settings) => {
      const remask = createRemask({
        ...{ opener, keys: [keys, earlier], fields: maskedFields(LOGIN), randomBytes },
      });
      const rotation = await openRotation(settings, keys.keyId, remask);
      try {
        for (let index = 0; index < Math.min(rotation.rowBatches, 2); index += 1)
          await rotation.changeRows(index);
        await rotation.copyEntries("");
        await rotation.left();
      } finally {
        await rotation.close();
      }
    },
  };
}

it(
  "a connection that ends at any moment: everything settles, and what fails is worth a retry",
  { timeout: 600_000 },
  () =>
    withVault(async (bench) => {
      await bench.drain(generateLogins(100));
      const random = mulberry32(SEED);
      const below = (limit: number): number => Math.floor(random() * limit);
      const commands = Object.entries(await everyCommand(bench));
      let ending: Ending | undefined;
      const proxy = await startUnreliablePostgres(bench.databaseUrl, () => ending);
      const cut = (): void => {
        proxy.cut();
      };
      proxy.onSilence(() => setTimeout(cut, 5));
      const settings = settingsFor(proxy.url);
      let failures = 0;
      for (let round = 0; round < times(300, 84); round += 1) {
        const [name, work] = commands[round % commands.length] ?? [
          "none",
          (): Promise<void> => Promise.resolve(),
        ];
        const kind = KINDS[below(KINDS.length)] ?? "closed";
        const afterBytes = below(random() < 0.3 ? LOGIN_BYTES : MOST_BYTES);
        ending = kind === "every 3 ms" || kind === "cancelled" ? undefined : { afterBytes, how: kind };
        const cutting = kind === "every 3 ms" ? setInterval(cut, 3) : undefined;
        const over = new AbortController();
        const cancelling = (async (): Promise<void> => {
          while (kind === "cancelled" && !over.signal.aborted) {
            await bench.sql`
            select pg_cancel_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'fetch-etl'`;
          }
        })();
        const what = `round ${round} of CHAOS_SEED=${SEED}: ${name}, ${kind} after ${afterBytes} bytes`;
        let late: NodeJS.Timeout | undefined;
        const hangs = new Promise((_resolve, reject) => {
          late = setTimeout(() => {
            reject(new Error(`hangs: ${what}`));
          }, 60_000);
        });
        const error: unknown = await Promise.race([work(settings), hangs]).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        over.abort();
        clearTimeout(late);
        clearInterval(cutting);
        await cancelling;
        if (error !== undefined) {
          failures += 1;
          expect({ what, error, code: explain(error).code }).toMatchObject({ code: UNAVAILABLE });
        }
      }
      await proxy.stop();
      expect(failures).toBeGreaterThan(10);
    }),
);
