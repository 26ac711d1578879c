// What the drain loop asks of a queue and of a database. Types and errors only; `sqs/` and `../postgres` implement them.
import type { LoginRow } from "../login/row.ts";
import type { Field } from "../masking/keys.ts";
import { Failure } from "../failure.ts";

/** A message as it was sent: the same in every delivery. */
export interface SentMessage {
  readonly messageId: string;
  readonly body: string;
  /** When SQS accepted the message (`SentTimestamp`), epoch milliseconds; undefined if the server does not say. */
  readonly sentAt: number | undefined;
}

/** One delivery of one message, as SQS returned it. */
export interface ReceivedMessage extends SentMessage {
  /** Valid for this delivery only; a later delivery of the same message brings a newer one. */
  readonly receiptHandle: string;
  /** How often the message was received, this time included (`ApproximateReceiveCount`). */
  readonly receiveCount: number | undefined;
}

/** The queue's own, approximate, counts (`GetQueueAttributes`). */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** One entry of a batch call that SQS did not carry out. */
export interface FailedEntry {
  /** Position in the list that was handed in. */
  readonly index: number;
  /** SQS's error code, such as `ReceiptHandleIsInvalid`. */
  readonly code: string;
  /** True where asking again cannot help (`SenderFault`). */
  readonly senderFault: boolean;
}

/** What one receive asks for. */
export interface ReceiveRequest {
  /** 1 to 10 messages. */
  readonly max: number;
  /** 0 to 20. */
  readonly waitSeconds: number;
  /** Seconds. */
  readonly visibilityTimeout: number;
  /** Awaited, once per attempt, with the length of the answer in bytes before the answer is read. */
  readonly admit?: (bytes: number) => Promise<void>;
}

/** How many HTTP requests were sent, retries included. */
export interface RequestCounts {
  receive: number;
  delete: number;
  other: number;
}

/** A queue that was found. Calls throw {@link Throttled}, or `Failure` when SQS cannot be reached or refuses. */
export interface Queue {
  /** The name that reports show. */
  readonly name: string;
  /** What the ledger knows the queue by: its ARN, which is the same by whichever URL it is reached. */
  readonly id: string;
  /** How long a received message stays hidden from others, seconds. */
  readonly visibilityTimeout: number;
  /** A FIFO queue: within a message group the order is to be kept. */
  readonly isFifo: boolean;
  /** The redrive policy's `maxReceiveCount`; undefined where there is no dead-letter queue. */
  readonly maxReceiveCount: number | undefined;
  readonly requests: Readonly<RequestCounts>;
  /** Some servers return more than `max` messages. */
  receive(request: ReceiveRequest): Promise<ReceivedMessage[]>;
  /** At most 10 receipt handles. Resolves to the entries that failed. */
  delete(receiptHandles: readonly string[]): Promise<FailedEntry[]>;
  /** At most 10 receipt handles; `seconds` from now, 0 makes them visible at once. Resolves to the entries that failed. */
  changeVisibility(receiptHandles: readonly string[], seconds: number): Promise<FailedEntry[]>;
  depth(): Promise<QueueDepth>;
  close(): void;
}

/** Where lines for the user go that come up on the way. */
export interface Notices {
  /** Something worth knowing. */
  note(line: string): void;
  /** Something to look into. */
  warn(line: string): void;
}

/** SQS asked for fewer calls (`RequestThrottled`, `OverLimit`, `ThrottlingException`), also after the SDK's own retries. */
export class Throttled extends Error {
  override readonly name = "Throttled";
}

/** A message that broke the contract: why, by field and without a value, and its body, sealed. */
export interface Rejection {
  readonly reasons: readonly string[];
  readonly sealed: SealedBody;
}

/** A body that only the holder of the masking key with this id can open. */
export interface SealedBody {
  readonly keyId: string;
  readonly bytes: Uint8Array;
}

interface EntryBase {
  readonly messageId: string;
  readonly sentAt: number | undefined;
  /** HMAC of the body: the ledger finds by it a body that was sent again as another message. */
  readonly bodyMac: Uint8Array;
}

/** A message that becomes a row. */
export interface RowEntry extends EntryBase {
  readonly kind: "row";
  readonly row: LoginRow;
  /** What the vault stores; undefined without a vault. */
  readonly sealed?: SealedValues;
}

/** A message that goes into the quarantine. */
export interface RejectionEntry extends EntryBase {
  readonly kind: "rejection";
  readonly rejection: Rejection;
}

/** What the loader writes for one message. */
export type Entry = RowEntry | RejectionEntry;

/** The values behind a row's tokens, sealed for recovery; null where there is no value. */
export interface SealedValues {
  readonly ip: Uint8Array | null;
  readonly deviceId: Uint8Array | null;
}

/** Seals a value so that this process's host cannot open it. */
export interface ValueSealer {
  seal(field: Field, token: string, value: Uint8Array): Uint8Array;
}

/** What a load did with its entries; the three add up to as many as were handed in. */
export interface LoadResult {
  readonly loaded: number;
  readonly quarantined: number;
  /** Entries whose message is in the ledger already; nothing was written for them. */
  readonly duplicates: number;
}

/** Where entries go. */
export interface Loader {
  /**
   * Writes the entries and notes their messages in the ledger, all in one commit or not at all. Message ids must be
   * distinct within one call.
   *
   * @throws {RowRefused} when the database refused the batch, perhaps for the sake of a row: nothing was written
   * @throws {StatementCancelled} when the batch took longer than the database allows: nothing was written
   * @throws {DatabaseLost} when the connection broke; whether the commit took place is unknown, and calling again is safe
   * @throws `Failure` for everything that a repetition does not mend
   */
  load(entries: readonly Entry[]): Promise<LoadResult>;
}

/** Where the database says that it refused a batch. */
export interface Refusal {
  readonly sqlState: string;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
  readonly of: RefusalOf;
}

/**
 * What a refusal is about:
 * - `value`: a value that no table of this database can hold, whatever became of other rows
 * - `row`: a value and what the table demands of it; where every row is refused, the table may demand too much
 * - `table`: the table, or a missing right; a row's own only where another row passed
 */
export type RefusalOf = "value" | "row" | "table";

/** The database refused a batch, and would again; a smaller one may pass. */
export class RowRefused extends Error {
  override readonly name = "RowRefused";
  readonly refusal: Refusal;
  /** What to tell where it is no row's fault. */
  readonly failure: Failure;

  constructor(refusal: Refusal, failure: Failure) {
    super(`row refused, SQLSTATE ${refusal.sqlState}`, { cause: failure });
    this.refusal = refusal;
    this.failure = failure;
  }
}

/** The database cancelled a statement: it took longer than `statement_timeout`, or somebody asked for it. */
export class StatementCancelled extends Error {
  override readonly name = "StatementCancelled";
  /** What to tell where a smaller batch is cancelled too. */
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message, { cause: failure });
    this.failure = failure;
  }
}

/** The database went away, or is too busy, for now. */
export class DatabaseLost extends Error {
  override readonly name = "DatabaseLost";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message, { cause: failure });
    this.failure = failure;
  }
}

/** Whether a call to SQS may succeed when it is made again later: SQS was away, or asked for fewer calls. */
export function isRetryable(error: unknown): boolean {
  return error instanceof Throttled || (error instanceof Failure && error.kind === "unavailable");
}
