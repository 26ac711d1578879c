// Everything outside the process that a command uses, passed in so that tests can replace it.
import type { Check } from "../doctor/check.ts";
import type { DatabaseSettings } from "../config/database.ts";
import type { LogFlags } from "../config/log-format.ts";
import type { SqsSettings } from "../config/queue.ts";
import type { Problems } from "../config/readers.ts";
import type { Purpose, Reference } from "../config/secret-reference.ts";
import type { Clock } from "../drain/clock.ts";
import type { Notices, Queue } from "../drain/ports.ts";
import type { AccessLog, LogFilter } from "../postgres/access-log.ts";
import type { Initialised } from "../postgres/init.ts";
import type { Verification } from "../postgres/verify.ts";
import type { EarlierRows } from "../postgres/key-history.ts";
import type { PostgresLoader } from "../postgres/load.ts";
import type { Quarantine } from "../postgres/quarantine.ts";
import type { RunHistory } from "../postgres/runs.ts";
import type { Vault } from "../postgres/vault.ts";
import type { Rotation, RotationSurvey } from "../postgres/rotation.ts";
import type { Opener } from "../recovery/identities.ts";
import type { SealedDataKey, Sealer } from "../recovery/recipients.ts";
import type { Remask } from "../recovery/remask.ts";
import type { DotEnv } from "./dot-env.ts";
import type { Explanation } from "./exit-codes.ts";
import type { Log } from "./log/log.ts";
import type { Output } from "./output.ts";
import type { SettingSources } from "./setting-sources.ts";

/** Standard input. */
interface Input {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** Resolves at the end of the input. */
  readonly readAll: () => Promise<Uint8Array>;
  /** Resolves to the next line from a terminal, without its end; undefined at the end of the input (Ctrl-D). */
  readonly readLine: () => Promise<string | undefined>;
}

export interface HttpRequest {
  readonly method: "GET" | "PUT";
  /** May contain a user and a password. */
  readonly url: URL;
  readonly body?: string | undefined;
  /** For the whole answer. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** AWS, Postgres, age, HTTP and programs. Loaded on first use, so that `--help` and `--version` load neither the SDK nor the driver. */
export interface Services {
  openQueue(settings: SqsSettings, notices: Notices): Promise<Queue>;
  checkQueue(settings: SqsSettings, epochNow: () => number): Promise<readonly Check[]>;
  checkDatabase(
    settings: DatabaseSettings,
    keepsVault: boolean,
    epochNow: () => number,
    keyIds: readonly string[],
  ): Promise<readonly Check[]>;
  openLoader(
    settings: DatabaseSettings,
    queueId: string,
    vaultKey?: SealedDataKey,
    runId?: string,
  ): Promise<PostgresLoader>;
  initialise(settings: DatabaseSettings): Promise<Initialised>;
  verifyTables(settings: DatabaseSettings, extent: "counts" | "values"): Promise<Verification>;
  /** @param queue the ARN or the name */
  readHistory(settings: DatabaseSettings, queue: string): Promise<RunHistory>;
  openQuarantine(settings: DatabaseSettings): Promise<Quarantine>;
  readAccessLog(settings: DatabaseSettings, filter: LogFilter): Promise<AccessLog>;
  createSealer(recipients: readonly string[]): Promise<Sealer>;
  /** @param identityFile the file's text */
  createOpener(identityFile: string): Promise<Opener>;
  /** Throws the system's error, whose message may contain the URL, if there is no answer in time. */
  sendHttp(request: HttpRequest): Promise<HttpAnswer>;
  openVault(settings: DatabaseSettings): Promise<Vault>;
  openRotation(
    settings: DatabaseSettings,
    keyId: string,
    remask: Remask,
    goesBack: boolean,
  ): Promise<Rotation>;
  findEarlierRows(settings: DatabaseSettings): Promise<EarlierRows>;
  surveyRotation(settings: DatabaseSettings, keyId: string): Promise<RotationSurvey>;
  /**
   * Gets a secret from AWS.
   *
   * @param setting the setting with the reference, for error messages, such as `DATABASE_URL`
   */
  fetchSecret(reference: Reference, setting: string): Promise<string>;
  /**
   * Encrypts a text with a KMS key.
   *
   * @returns the text in base64
   */
  encryptSecret(text: string, keyId: string, purpose: Purpose): Promise<string>;
  /** Runs a program that prints a secret. */
  runProgram(
    words: readonly [program: string, ...args: string[]],
    env: NodeJS.ProcessEnv,
    atExit: Context["atExit"],
  ): Promise<ProgramEnd>;
}

/**
 * How a program ended.
 *
 * - `failed`: `by` is `exit code 1`, or a signal
 * - `too slow`, `too long`: it was killed, because it did not end in time, or printed too much
 */
export type ProgramEnd =
  | { readonly kind: "output"; readonly bytes: Uint8Array }
  | { readonly kind: "failed"; readonly by: string }
  | { readonly kind: "not started"; readonly errno: string }
  | { readonly kind: "too slow" | "too long" };

export interface Versions {
  /** Such as `1.2.0`. */
  readonly fetchEtl: string;
  /** Such as `20.19.0`. */
  readonly node: string;
  /** The oldest supported version, such as `20.19`. */
  readonly nodeNeeded: string;
}

/** Sets flags from their variables, and returns the flags of the log. Adds mistakes in the variables to `problems`. */
export type ReadFlags = (env: NodeJS.ProcessEnv, problems: Problems) => LogFlags;

export interface Context {
  /** The environment, including the variables from `.env`. */
  readonly env: NodeJS.ProcessEnv;
  /** The settings in the environment alone, as they were given: also empty ones. */
  readonly outerEnv: NodeJS.ProcessEnv;
  /** Every setting, and where it comes from. */
  readonly settings: SettingSources;
  /**
   * Mistakes in the command's settings: first those in variables of flags, then those that the command adds. Each command throws them
   * before it does anything else.
   */
  readonly problems: Problems;
  readonly stdin: Input;
  readonly stdout: Output;
  /** For the progress line only; messages go to the log. */
  readonly stderr: Output;
  readonly log: Log;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly epochNow: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly readFile: (path: string) => string;
  /** A file's permission bits; undefined if the file does not exist, or on Windows. */
  readonly fileMode: (path: string) => number | undefined;
  /** The content of `.env` in the working directory, or of the file named in its place; undefined if there is no such file. */
  readonly dotEnv: DotEnv | undefined;
  readonly versions: Versions;
  /** A UUID for what this command does; the `run_id` of a drain's entries in the ledger. */
  readonly runId: string;
  /** The name of this machine. */
  readonly host: string;
  /** Replaces the file atomically, or leaves it unchanged and throws. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
  /** Runs `action` while holding a lock on the file. */
  readonly withFileLock: <T>(path: string, action: () => Promise<T>) => Promise<T>;
  /** Throws the system's error if the file cannot be written, for example because its folder is missing or read-only. */
  readonly checkWritable: (path: string) => void;
  readonly services: Services;
  /** The exit code for a thrown value, and a sentence that is safe to print. */
  readonly explain: (error: unknown) => Explanation;
  /**
   * From now on, the first SIGINT, SIGTERM or SIGHUP aborts the returned signal, with its name as the reason, to ask for a clean stop. A
   * second one ends the process at once. Before this call, the first one does.
   */
  readonly catchSignals: () => AbortSignal;
  /** Runs `action` when the process exits. The returned function cancels it. */
  readonly atExit: (action: () => void) => () => void;
}

/** A context before it knows its command. */
export type OpenedContext = Omit<Context, "settings">;
