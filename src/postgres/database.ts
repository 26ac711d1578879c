// A connection whose errors are sentences for the user.
import type { DatabaseSettings } from "../config/database.ts";
import { connect, type Sql } from "./connection.ts";
import { asFailure } from "./errors.ts";
import { explainForbidden } from "./forbidden.ts";

export interface Database {
  readonly sql: Sql;
  /**
   * @param doing what the work does, for the sentence, such as `reading the vault`
   * @throws {Failure} for any error of the work but those that `passes` names
   */
  readonly run: <T>(doing: string, work: () => Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

/**
 * Connects, and closes the connection where `prepare` fails.
 *
 * @param passes errors that are not translated
 */
export async function openDatabase<T>(
  settings: DatabaseSettings,
  prepare: (database: Database) => Promise<T>,
  passes: (error: unknown) => boolean = () => false,
): Promise<T> {
  const { sql, close } = connect(settings);
  const run: Database["run"] = async (doing, work) => {
    try {
      return await work();
    } catch (error) {
      if (passes(error)) throw error;
      throw asFailure(await explainForbidden(error, sql, settings), settings, doing);
    }
  };
  try {
    return await prepare({ sql, run, close: () => close() });
  } catch (error) {
    await close();
    throw error;
  }
}

export async function withDatabase<T>(
  settings: DatabaseSettings,
  doing: string,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  return openDatabase(settings, async ({ sql, run, close }) => {
    const result = await run(doing, () => work(sql));
    await close();
    return result;
  });
}
