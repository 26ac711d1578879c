// The ports of the drain loop: the queue (implemented in `../sqs`) and the loader (in `../postgres`). Types and errors only.
import type { MaskedValue } from "../mapping/mapping.ts";
import { Failure } from "../failure.ts";

/** A message as it was sent: the same in every delivery. */
export interface SentMessage {
  readonly messageId: string;
  readonly body: string;
  /** Its message attributes, if they were asked for; binary ones as base64. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** When SQS accepted the message (`SentTimestamp`), epoch milliseconds; undefined if the server does not say. */
  readonly sentAt: number | undefined;
}

/** One delivery of one message, as SQS returned it. */
export interface ReceivedMessage extends SentMessage {
  /** Valid for this delivery only; a later delivery of the same message brings a newer one. */
  readonly receiptHandle: string;
  /** How often the message was received, this delivery included (`ApproximateReceiveCount`). */
  readonly receiveCount: number | undefined;
}

/** The queue's approximate counts (`GetQueueAttributes`). */
export interface QueueDepth {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** An entry that failed in a batch call. */
export interface FailedEntry {
  /** Its index in the list that was passed. */
  readonly index: number;
  /** SQS's error code, such as `ReceiptHandleIsInvalid`. */
  readonly code: string;
  /** True if a retry cannot help (`SenderFault`). */
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

/** An existing queue. Calls throw {@link Throttled}, or `Failure` if SQS cannot be reached or rejects the request. */
export interface Queue {
  /** The name that reports show, without the URL. */
  readonly name: string;
  /** The queue's id in the ledger: its ARN, which is the same for every URL. */
  readonly id: string;
  /** How long a received message stays hidden, seconds. */
  readonly visibilityTimeout: number;
  /** Whether it is a FIFO queue, which keeps the order within a message group. */
  readonly isFifo: boolean;
  /** The redrive policy's `maxReceiveCount`; undefined without a dead-letter queue. */
  readonly maxReceiveCount: number | undefined;
  readonly requests: Readonly<RequestCounts>;
  /** About how many messages were visible when it was opened; undefined if the server did not say. */
  readonly visibleAtOpen?: number | undefined;
  /** Some servers return more than `max` messages. */
  receive(request: ReceiveRequest): Promise<ReceivedMessage[]>;
  /** At most 10 receipt handles. Resolves to the entries that failed. */
  delete(receiptHandles: readonly string[]): Promise<FailedEntry[]>;
  /** At most 10 receipt handles; `seconds` from now, 0 to make them visible at once. Resolves to the entries that failed. */
  changeVisibility(receiptHandles: readonly string[], seconds: number): Promise<FailedEntry[]>;
  depth(): Promise<QueueDepth>;
  close(): void;
}

/** Messages to the user during a run. */
export interface Notices {
  note(line: string): void;
  warn(line: string): void;
}

/** SQS throttled the request (`RequestThrottled`, `OverLimit`, `ThrottlingException`), even after the SDK's retries. */
export class Throttled extends Error {
  override readonly name = "Throttled";
}

/** A rejected message, or the rejected records of one: the reasons, by field and without values, and the sealed body of the message. */
export interface Rejection {
  readonly reasons: readonly string[];
  /** The indices of the rejected records; undefined if the message was rejected as a whole. */
  readonly records?: readonly number[];
  readonly sealed: SealedBody;
}

/** A message body, encrypted under the masking key with this id. */
export interface SealedBody {
  readonly keyId: string;
  readonly bytes: Uint8Array;
}

/** In place of a record's index: the message, as it went into the quarantine. */
export const WHOLE_MESSAGE = -1;

interface EntryBase extends Pick<SentMessage, "messageId" | "sentAt"> {
  /** The index of the record in its message, from 0; {@link WHOLE_MESSAGE} for a rejection. */
  readonly record: number;
  /** HMAC of the body, in hexadecimal: the ledger finds by it a body that was sent again as another message. */
  readonly bodyMac: string;
}

/** A record that becomes a row. */
export interface RowEntry extends EntryBase {
  readonly kind: "row";
  /** In the order of the mapping's columns. */
  readonly cells: readonly Cell[];
  /** What the vault stores; empty without a vault. */
  readonly sealed: readonly SealedValue[];
  /** MAC of the mapping's `dedupe` values, in hexadecimal, which no other record of the queue may have; undefined without `dedupe`. */
  readonly idempotency?: string | undefined;
}

/** A message that goes into the quarantine. */
export interface RejectionEntry extends EntryBase {
  readonly kind: "rejection";
  readonly rejection: Rejection;
}

/** What the loader writes for a record, or for a rejected message. */
export type Entry = RowEntry | RejectionEntry;

/** A value of a column as text that Postgres casts to the column's type; null for NULL. */
export type Cell = string | null;

/** The encrypted value behind a token of a row, for recovery. */
export interface SealedValue extends Pick<MaskedValue, "field" | "type" | "token"> {
  readonly sealed: Uint8Array;
}

/** Encrypts a value to recipients, so that this host cannot decrypt it. */
export interface ValueSealer {
  seal(value: MaskedValue): Uint8Array;
}

/** What a load did, in records. The three add up to the entries' {@link recordsOf}. */
export interface LoadResult {
  readonly loaded: number;
  readonly quarantined: number;
  /** Records that are in the ledger already; nothing is written for them. */
  readonly duplicates: number;
}

/** The number of records that an entry stands for: a message that was rejected as a whole counts as one. */
export function recordsOf(entry: Entry): number {
  return entry.kind === "row" ? 1 : (entry.rejection.records?.length ?? 1);
}

/** The sum of their {@link recordsOf}. */
export function countRecords(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + recordsOf(entry), 0);
}

/** Identifies an entry among those of one queue. */
export function keyOf({ messageId, record }: Pick<Entry, "messageId" | "record">): string {
  return `${messageId} ${record}`;
}

/** Writes entries to the database. */
export interface Loader {
  /**
   * Writes the entries, and their messages into the ledger, in one commit or not at all. No two entries of a call may have the same {@link keyOf}.
   *
   * @throws {RowRefused} if the database refused the batch, perhaps because of one row; nothing was written
   * @throws {StatementCancelled} if the batch took longer than the database allows; nothing was written
   * @throws {DatabaseLost} if the connection broke; the commit may have happened, and a retry is safe
   * @throws `Failure` for errors that a retry cannot fix
   */
  load(entries: readonly Entry[]): Promise<LoadResult>;
}

/** Why the database refused a batch. */
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

/** Why a load failed. */
export abstract class LoadError extends Error {
  /** What to report if the caller cannot help it. */
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message, { cause: failure });
    this.failure = failure;
  }
}

/** The database refused a batch, and would again; a smaller one may pass. */
export class RowRefused extends LoadError {
  override readonly name = "RowRefused";
  readonly refusal: Refusal;

  constructor(refusal: Refusal, failure: Failure) {
    super(failure);
    this.refusal = refusal;
  }
}

/** The database cancelled a statement: it exceeded `statement_timeout`, or a user cancelled it. A smaller batch may pass. */
export class StatementCancelled extends LoadError {
  override readonly name = "StatementCancelled";
}

/** The database is unavailable or overloaded. */
export class DatabaseLost extends LoadError {
  override readonly name = "DatabaseLost";
}

/** Whether a retry of an SQS call may succeed: SQS was unavailable, or throttled the request. */
export function isRetryable(error: unknown): boolean {
  return error instanceof Throttled || (error instanceof Failure && error.kind === "unavailable");
}
