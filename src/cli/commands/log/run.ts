// `fetch-etl log`: lists the requests for personal data.
import { readDatabase } from "../../../config/database.ts";
import { duration } from "../../../config/readers.ts";
import { TOKEN_PATTERN } from "../../../masking/token.ts";
import type { Context } from "../../context.ts";
import { EXIT } from "../../exit-codes.ts";
import { DATABASE, withSecrets } from "../../secrets.ts";
import { count } from "../../terminal/style.ts";
import { writeLog, writeLogJson } from "./report.ts";

interface LogFlags {
  readonly token?: string;
  readonly reason?: string;
  readonly since?: string;
  readonly json?: boolean;
}

/** A hundred years, in seconds. */
const MOST_SECONDS = 36_500 * 86_400;

export async function runLog(flags: LogFlags, context: Context): Promise<number> {
  const { problems } = context;
  const { token, reason } = flags;
  // The text is not shown: it may be a value in a token's place.
  if (token !== undefined && !new RegExp(TOKEN_PATTERN).test(token))
    problems.add("--token is not a token (h1., 8 characters, a dot and 43 characters, as in user_logins).");
  const since = duration(flags.since, "--since", "second", { min: 0, max: MOST_SECONDS }, problems);
  const resolved = await withSecrets(context, problems, DATABASE);
  const { database } = problems.complete({ database: readDatabase(resolved, problems) });
  const log = await context.services.readAccessLog(database, { token, reason, since });
  if (log.cut) {
    context.log.warn(
      `The latest ${count(log.requests.length)} requests are listed. Select others with --token, --reason or --since.`,
    );
  }
  if (flags.json === true) writeLogJson(context, log.requests);
  else writeLog(context, log.requests);
  return EXIT.done;
}
