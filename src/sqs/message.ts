// Reads SQS's answers: a received message, the failed entries of a batch, numbers that come as text.
import { hash } from "node:crypto";
import type { BatchResultErrorEntry, Message } from "@aws-sdk/client-sqs";
import { Failure } from "../failure.ts";
import { isCode } from "./fault.ts";
import type { FailedEntry, ReceivedMessage } from "../drain/ports.ts";

/** The messages of a receive's answer; undefined where the JSON is none. */
export function messagesOf(json: unknown): Message[] | undefined {
  return listIn(json, "Messages", isMessage);
}

/** The entries of a batch call's answer that failed; undefined where the JSON is none. */
export function failedOf(json: unknown): BatchResultErrorEntry[] | undefined {
  return listIn(json, "Failed", isFailedEntry);
}

/** A list that may be left out. */
function listIn<T>(json: unknown, key: string, isItem: (item: unknown) => item is T): T[] | undefined {
  if (!isObject(json)) return undefined;
  const list = json[key] ?? [];
  return Array.isArray(list) && list.every(isItem) ? list : undefined;
}

function isMessage(item: unknown): item is Message {
  if (!isObject(item)) return false;
  const attributes = item["Attributes"] ?? {};
  return (
    areTexts(item["MessageId"], item["ReceiptHandle"], item["Body"], item["MD5OfBody"]) &&
    isObject(attributes) &&
    areTexts(attributes["SentTimestamp"], attributes["ApproximateReceiveCount"], attributes["MessageGroupId"])
  );
}

function isFailedEntry(item: unknown): item is BatchResultErrorEntry {
  return isObject(item) && areTexts(item["Id"], item["Code"]);
}

function areTexts(...values: readonly unknown[]): boolean {
  return values.every((value) => value === undefined || typeof value === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * The messages of a receive's answer. Where one came damaged, those after it in its message group come again together with it: they
 * are not to overtake it.
 *
 * @param onDamaged see {@link toReceived}
 */
export function receivedOf(
  messages: readonly Message[],
  onDamaged: (messageId: string) => void,
): ReceivedMessage[] {
  const heldBack = new Set<string>();
  return messages.flatMap((message) => {
    const group = message.Attributes?.MessageGroupId;
    if (group !== undefined && heldBack.has(group)) return [];
    const received = toReceived(message, onDamaged);
    if (received === undefined && group !== undefined) heldBack.add(group);
    return received ?? [];
  });
}

/**
 * One message of a receive's answer.
 *
 * @returns undefined when its body is not the one that was sent, by its checksum; `onDamaged` is given its id then
 * @throws {Failure} `unavailable`, when it has no id or receipt handle
 */
export function toReceived(
  message: Message,
  onDamaged: (messageId: string) => void,
): ReceivedMessage | undefined {
  const { MessageId: messageId, ReceiptHandle: receiptHandle, Body: body = "" } = message;
  if (messageId === undefined || receiptHandle === undefined) {
    throw new Failure(
      "unavailable",
      "SQS handed out a message without an id or a receipt handle: run again later.",
    );
  }
  if (message.MD5OfBody !== undefined && !matches(body, message.MD5OfBody)) {
    onDamaged(messageId);
    return undefined;
  }
  return {
    messageId,
    receiptHandle,
    body,
    sentAt: sentAt(message.Attributes?.SentTimestamp),
    receiveCount: finite(message.Attributes?.ApproximateReceiveCount),
  };
}

// Asking again cannot help, also where the server does not say so: LocalStack 1.3 calls none of these the sender's fault.
const deadHandleCodes = new Set([
  "ReceiptHandleIsInvalid",
  "InvalidParameterValue",
  "InvalidIdFormat",
  "MessageNotInflight",
  "AWS.SimpleQueueService.MessageNotInflight",
]);

/** A batch answer's `Failed[]`; the entries' ids are positions in the list that was sent. */
export function toFailed(entries: readonly BatchResultErrorEntry[]): FailedEntry[] {
  return entries.flatMap((entry) => {
    const index = finite(entry.Id);
    const code = isCode(entry.Code) ? entry.Code : "Unknown";
    return index === undefined
      ? []
      : [{ index, code, senderFault: entry.SenderFault === true || deadHandleCodes.has(code) }];
  });
}

/** From 1970 to the end of the year 9999, the last that an ISO date can name; else the server did not tell. */
function sentAt(text: string | undefined): number | undefined {
  const epochMs = finite(text);
  return epochMs !== undefined && epochMs >= 0 && epochMs < Date.UTC(10_000, 0) ? epochMs : undefined;
}

/** The number that a text holds; undefined where it holds none. */
export function finite(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * SQS's `MD5OfBody`. A body that spans lines is not held to it: XML reads every line end as a line feed (XML 1.0, 2.11),
 * and the reader of the query protocol drops a text of blanks. Neither can change a value: JSON has no line end in one.
 */
function matches(body: string, md5: string): boolean {
  if (body.trim() === "" || body.includes("\n")) return true;
  return hash("md5", body) === md5.toLowerCase();
}

/** Where a server does not say how long its answer is, bytes. */
const UNKNOWN = 1024 * 1024;

/** The header `Content-Length` of an answer, bytes. */
export function answerLength(response: unknown): number {
  const length = Number(header(response, "content-length"));
  return Number.isSafeInteger(length) && length >= 0 ? length : UNKNOWN;
}

/** A header of an answer as the SDK's request handler gives it; undefined where it has none. */
export function header(response: unknown, name: string): string | undefined {
  if (typeof response !== "object" || response === null || !("headers" in response)) return undefined;
  const { headers } = response;
  if (typeof headers !== "object" || headers === null) return undefined;
  const value: unknown = Reflect.get(headers, name);
  return typeof value === "string" ? value : undefined;
}
