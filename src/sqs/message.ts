// Parses SQS's answers: received messages, failed batch entries, numbers in text.
import { hash } from "node:crypto";
import type { BatchResultErrorEntry, Message } from "@aws-sdk/client-sqs";
import { Failure } from "../failure.ts";
import { isCode, property } from "../aws/fault.ts";
import type { FailedEntry, ReceivedMessage } from "../drain/ports.ts";

/** The messages in a receive's answer; undefined if the JSON is not one. */
export function messagesOf(json: unknown): Message[] | undefined {
  return listIn(json, "Messages", isMessage);
}

/** The failed entries in a batch call's answer; undefined if the JSON is not one. */
export function failedOf(json: unknown): BatchResultErrorEntry[] | undefined {
  return listIn(json, "Failed", isFailedEntry);
}

function listIn<T>(json: unknown, key: string, isItem: (item: unknown) => item is T): T[] | undefined {
  if (!isObject(json)) return undefined;
  const list = json[key] ?? [];
  return Array.isArray(list) && list.every(isItem) ? list : undefined;
}

function isMessage(item: unknown): item is Message {
  if (!isObject(item)) return false;
  const attributes = item["Attributes"] ?? {};
  const messageAttributes = item["MessageAttributes"] ?? {};
  return (
    areTexts(item["MessageId"], item["ReceiptHandle"], item["Body"], item["MD5OfBody"]) &&
    isObject(attributes) &&
    isObject(messageAttributes) &&
    Object.values(messageAttributes).every(isObject) &&
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
 * The messages in a receive's answer. After a damaged one, the rest of its message group is dropped too: SQS redelivers them together,
 * so that none overtakes it.
 *
 * @param onDamaged see {@link toReceived}
 * @param withAttributes whether to keep message attributes: some servers send them unasked
 */
export function receivedOf(
  messages: readonly Message[],
  onDamaged: (messageId: string) => void,
  withAttributes = false,
): ReceivedMessage[] {
  const heldBack = new Set<string>();
  return messages.flatMap((message) => {
    const group = message.Attributes?.MessageGroupId;
    if (group !== undefined && heldBack.has(group)) return [];
    const received = toReceived(message, onDamaged, withAttributes);
    if (received === undefined && group !== undefined) heldBack.add(group);
    return received ?? [];
  });
}

/**
 * One message in a receive's answer.
 *
 * @returns undefined if its body does not match its checksum; `onDamaged` is called with its id
 * @throws {Failure} `unavailable` if it has no id or receipt handle
 */
export function toReceived(
  message: Message,
  onDamaged: (messageId: string) => void,
  withAttributes = false,
): ReceivedMessage | undefined {
  const { MessageId: messageId, ReceiptHandle: receiptHandle, Body: body = "" } = message;
  if (messageId === undefined || receiptHandle === undefined) {
    throw new Failure(
      "unavailable",
      "SQS returned a message without an id or a receipt handle. Run again later.",
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
    ...(withAttributes ? { attributes: attributesIn(message.MessageAttributes ?? {}) } : {}),
    sentAt: sentAt(message.Attributes?.SentTimestamp),
    receiveCount: finite(message.Attributes?.ApproximateReceiveCount),
  };
}

/** Numbers as text, binary as base64: the SDK decodes it, and JSON has it already. */
function attributesIn(attributes: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(attributes).flatMap(([name, attribute]) => {
    const binary = property(attribute, "BinaryValue");
    const value =
      property(attribute, "StringValue") ??
      (binary instanceof Uint8Array ? Buffer.from(binary).toString("base64") : binary);
    return typeof value === "string" ? [[name, value] as const] : [];
  });
  return Object.fromEntries(texts);
}

// A retry cannot help with these codes, even if the server does not set SenderFault: LocalStack 1.3 sets it for none of them.
const deadHandleCodes = new Set([
  "ReceiptHandleIsInvalid",
  "InvalidParameterValue",
  "InvalidIdFormat",
  "MessageNotInflight",
  "AWS.SimpleQueueService.MessageNotInflight",
]);

/** A batch answer's `Failed[]`. The entries' ids are indexes in the list that was sent. */
export function toFailed(entries: readonly BatchResultErrorEntry[]): FailedEntry[] {
  return entries.flatMap((entry) => {
    const index = finite(entry.Id);
    const code = isCode(entry.Code) ? entry.Code : "Unknown";
    return index === undefined
      ? []
      : [{ index, code, senderFault: entry.SenderFault === true || deadHandleCodes.has(code) }];
  });
}

/** Undefined outside the years 1970 to 9999: an ISO date cannot express a later year. */
function sentAt(text: string | undefined): number | undefined {
  const epochMs = finite(text);
  return epochMs !== undefined && epochMs >= 0 && epochMs < Date.UTC(10_000, 0) ? epochMs : undefined;
}

/** The number in a text; undefined if there is none. */
export function finite(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Whether the body matches `MD5OfBody`. Bodies with line ends are not checked: XML normalizes line ends (XML 1.0, 2.11), and the query
 * protocol's parser drops a blank text. Neither can change a value: JSON strings contain no line ends.
 */
function matches(body: string, md5: string): boolean {
  if (body.trim() === "" || body.includes("\n")) return true;
  return hash("md5", body) === md5.toLowerCase();
}

/** Assumed length of an answer without a Content-Length, bytes. */
const DEFAULT_LENGTH = 1024 * 1024;

/** The header `Content-Length` of an answer, bytes. */
export function answerLength(response: unknown): number {
  const length = Number(header(response, "content-length"));
  return Number.isSafeInteger(length) && length >= 0 ? length : DEFAULT_LENGTH;
}

/** A header of the SDK's response; undefined if it is missing. */
export function header(response: unknown, name: string): string | undefined {
  const value = property(property(response, "headers"), name);
  return typeof value === "string" ? value : undefined;
}
