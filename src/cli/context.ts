// What a command is handed: everything real that it touches, so that a test can hand it something else.
import type { Check } from "../doctor/check.ts";
import type { DatabaseSettings } from "../config/database.ts";
import type { SqsSettings } from "../config/queue.ts";
import type { Clock } from "../drain/clock.ts";
import type { Notices, Queue } from "../drain/ports.ts";
import type { Initialised } from "../postgres/init.ts";
import type { Verification } from "../postgres/verify.ts";
import type { PostgresLoader } from "../postgres/load.ts";
import type { Quarantine } from "../postgres/quarantine.ts";
import type { Vault } from "../postgres/vault.ts";
import type { Rotation } from "../postgres/rotation.ts";
import type { AppVersionStyle } from "../login/app-version.ts";
import type { Opener } from "../recovery/identities.ts";
import type { SealedDataKey, Sealer } from "../recovery/recipients.ts";
import type { Remask } from "../recovery/remask.ts";
import type { DotEnv } from "./dot-env.ts";
import type { Explanation } from "./exit-codes.ts";
import type { Log } from "./log/log.ts";

/** A stream that a person or a program reads. */
export interface Output {
  readonly write: (text: string) => void;
  /** Where it is written to, for a library that draws by itself. */
  readonly stream: NodeJS.WritableStream;
  /** Whether a person reads it on a terminal. */
  readonly isTerminal: boolean;
  /** The terminal's width in columns, as it is now; 0 where there is none. */
  readonly columns: number;
}

/** What is piped or typed in. */
interface Input {
  /** Whether a person types it on a terminal. */
  readonly isTerminal: boolean;
  /** Waits for its end. */
  readonly readAll: () => Promise<Uint8Array>;
}

/** The outside world. Opened only when a command asks, so that `--help` and `--version` load neither SDK nor driver. */
export interface Services {
  openQueue(settings: SqsSettings, notices: Notices): Promise<Queue>;
  checkQueue(settings: SqsSettings, epochNow: () => number): Promise<readonly Check[]>;
  checkDatabase(
    settings: DatabaseSettings,
    keepsVault: boolean,
    epochNow: () => number,
  ): Promise<readonly Check[]>;
  openLoader(settings: DatabaseSettings, queueId: string, vaultKey?: SealedDataKey): Promise<PostgresLoader>;
  initialise(settings: DatabaseSettings): Promise<Initialised>;
  verifyTables(
    settings: DatabaseSettings,
    draw?: { readonly appVersion: AppVersionStyle },
  ): Promise<Verification>;
  openQuarantine(settings: DatabaseSettings): Promise<Quarantine>;
  createSealer(recipients: readonly string[]): Promise<Sealer>;
  /** @param identityFile the file's text */
  createOpener(identityFile: string): Promise<Opener>;
  openVault(settings: DatabaseSettings): Promise<Vault>;
  openRotation(settings: DatabaseSettings, keyId: string, remask: Remask): Promise<Rotation>;
}

export interface Versions {
  /** Such as `1.2.0`. */
  readonly fetchEtl: string;
  /** Such as `20.19.0`. */
  readonly node: string;
  /** The oldest that will do, such as `20.19`. */
  readonly nodeNeeded: string;
}

export interface Context {
  /** The environment, with what `.env` adds to it. */
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: Input;
  readonly stdout: Output;
  /** For what is drawn there; lines go to the log. */
  readonly stderr: Output;
  readonly log: Log;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly epochNow: () => number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly readFile: (path: string) => string;
  /** A file's permission bits; undefined where there is no file, or the system has none. */
  readonly fileMode: (path: string) => number | undefined;
  /** What `.env` in the working folder held; undefined where there is none. */
  readonly dotEnv: DotEnv | undefined;
  readonly versions: Versions;
  /** Replaces the file whole, or leaves it as it was and throws. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
  /** Does some work on a file while no other process does any. */
  readonly withFileLock: <T>(path: string, action: () => Promise<T>) => Promise<T>;
  /** Throws the system's error where no file can be put there, as when its folder is missing or may not be written to. */
  readonly checkWritable: (path: string) => void;
  readonly services: Services;
  /** The exit code that something thrown leads to, and the sentence that tells it, which is safe to print. */
  readonly explain: (error: unknown) => Explanation;
  /**
   * From now on the first SIGINT, SIGTERM or SIGHUP asks for a clean stop, by aborting the signal with its name as the reason; the second
   * ends the process at once, as any does before.
   */
  readonly catchSignals: () => AbortSignal;
  /** Has something done when the process ends, in whatever way it can still act; the function that it returns takes that back. */
  readonly atExit: (action: () => void) => () => void;
}
