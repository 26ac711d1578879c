// `npm run demo`: runs the whole job on generated messages, with the real command line and real servers. It needs no
// configuration, and exits with 0 only if every step gave the expected result.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findMistakes } from "./demo-checks.ts";
import { runCli } from "./demo-cli.ts";
import { firstRows, repeatedDevices } from "./demo-tables.ts";
import { SIGNAL_EXIT, watchSignals, type Interruption } from "./interruption.ts";
import { generateLogins, generateMessages } from "./messages.ts";
import { QUEUE, withSandbox, type Sandbox } from "./sandbox.ts";

const MESSAGES = 100;
const LOGINS = generateLogins(MESSAGES - 1);
const STEPS = [["peek", "--count", "5"], ["drain"], ["verify", "--expect", String(LOGINS.length)]];

const NEXT = `What to try next:

  npm run sandbox              run both servers, and get settings for them
  npx fetch-etl mapping show   see the mapping that turns logins into rows
  npx fetch-etl doctor         check your own queue, database and masking key`;

/** A step that failed; the message says which and why. */
class StepFailed extends Error {
  override readonly name = "StepFailed";
}

async function demo(sandbox: Sandbox, cwd: string, interruption: Interruption): Promise<void> {
  const env = { ...sandbox.env, FETCH_ETL_MASKING_KEY: randomBytes(32).toString("base64") };
  console.log(
    `A queue with ${MESSAGES} messages, and PostgreSQL ${sandbox.postgres.version} with an empty table.`,
  );
  for (const args of STEPS) {
    interruption.signal.throwIfAborted();
    const command = `fetch-etl ${args.join(" ")}`;
    console.log(`\n$ ${command}`);
    const outcome = await runCli(args, { cwd, env });
    if (outcome !== "exit code 0") throw new StepFailed(`\`${command}\` failed: ${outcome}`);
  }
  await checkResult(sandbox);
}

async function checkResult(sandbox: Sandbox): Promise<void> {
  const sql = postgres(sandbox.postgres.url, { max: 1, onnotice: () => undefined });
  try {
    console.log(`\nThe first rows of user_logins:\n\n${await firstRows(sql, 5)}`);
    console.log(`\nThe devices with the most logins, masked:\n\n${await repeatedDevices(sql, 5)}`);
    const queue = await sandbox.sqs.inspect(QUEUE);
    const mistakes = await findMistakes(sql, queue, {
      logins: LOGINS,
      quarantined: MESSAGES - LOGINS.length,
    });
    if (mistakes.length > 0) throw new StepFailed(mistakes.join("; "));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Resolves to the exit code. */
async function main(): Promise<number> {
  const interruption = watchSignals();
  const cwd = await mkdtemp(join(tmpdir(), "fetch-etl-demo-"));
  try {
    await withSandbox({ messages: generateMessages(MESSAGES) }, (sandbox) =>
      demo(sandbox, cwd, interruption),
    );
    console.log(`\nDemo succeeded: ${LOGINS.length} loaded, 1 quarantined, queue empty.\n\n${NEXT}`);
    return 0;
  } catch (error) {
    const signal = interruption.received();
    if (signal !== undefined) return SIGNAL_EXIT[signal];
    console.error(`\nDemo failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

process.exitCode = await main();
