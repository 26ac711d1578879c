// Pure: recognizes what SNS, EventBridge and CloudEvents put around a message. Only a certain match is opened.
import { NOT_A_STRUCTURE, readBody, readWithin, type Allowance, type Structure } from "./body.ts";
import { isList, isObject } from "./json.ts";
import { Invalid, type EnvelopeName, type Json, type JsonObject } from "./mapping.ts";
import type { MappedMessage, Mapping, Path } from "./mapping.ts";
import { OpenedMessage } from "./opened.ts";

/** What an envelope holds; undefined if the value is not surely one. */
type Content = (value: JsonObject, allowance: Allowance) => Structure | Invalid | undefined;

interface Envelope {
  readonly name: EnvelopeName;
  readonly content: Content;
}

/** The keys that SNS writes (AWS, "Parsing Amazon SNS message formats"; of FIFO topics too). */
const SNS_KEYS = new Set([
  ...["Type", "MessageId", "SequenceNumber", "TopicArn", "Subject", "Message", "Timestamp"],
  ...["SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL", "MessageAttributes"],
]);
/** Maximum length of an ARN in IAM. */
const MAX_ARN_LENGTH = 2_048;
const TOPIC_ARN = /^arn:aws(?:-[a-z]+)*:sns:/;

/**
 * Makes the opener of a mapping's messages. It looks for each of the envelopes on each level, and opens each once.
 *
 * @returns reads a message; its reasons begin with `body`, or with the key of the envelope that holds the text
 */
export function createOpener(mapping: Mapping): (sent: MappedMessage) => OpenedMessage | Invalid {
  const contents = { sns: sns(ownKeys(mapping)), eventbridge, cloudevents };
  const envelopes = mapping.envelopes.map((name) => ({ name, content: contents[name] }));
  return (sent) => {
    const opened = new OpenedMessage(sent);
    const body = readBody(sent.body, opened);
    if (body instanceof Invalid) return new Invalid(`body: ${body.reason}`);
    opened.message = body;
    return openAll(opened, envelopes);
  };
}

function openAll(opened: OpenedMessage, envelopes: readonly Envelope[]): OpenedMessage | Invalid {
  for (;;) {
    const value = opened.message;
    const content = isObject(value) ? openOne(value, opened, envelopes) : undefined;
    if (content === undefined) return opened;
    if (content instanceof Invalid) return content;
    opened.message = content;
  }
}

function openOne(
  value: JsonObject,
  opened: OpenedMessage,
  envelopes: readonly Envelope[],
): ReturnType<Content> {
  for (const { name, content } of envelopes) {
    if (opened[name] !== undefined) continue;
    const held = content(value, opened);
    if (held === undefined) continue;
    opened[name] = value;
    return held;
  }
  return undefined;
}

/** @param ownKeys keys that the mapping reads from a message: a body with any of them is the message itself */
function sns(ownKeys: readonly string[]): Content {
  return (value, allowance) => {
    const { Type: type, MessageId: messageId, TopicArn: topic, Message: text } = value;
    const isEnvelope = type === "Notification" && typeof messageId === "string" && isTopic(topic);
    if (!isEnvelope || ownKeys.some((key) => Object.hasOwn(value, key))) return undefined;
    return typeof text === "string" ? readWithin("Message", text, allowance) : undefined;
  };
}

function isTopic(value: Json | undefined): boolean {
  return typeof value === "string" && value.length <= MAX_ARN_LENGTH && TOPIC_ARN.test(value);
}

/** The keys of a message that the mapping reads. A key that SNS writes too is no sign. */
function ownKeys({ records, columns, when, dedupe }: Mapping): string[] {
  const paths = [...columns.flatMap(({ from }) => from), ...when.map(({ path }) => path), ...dedupe];
  const read =
    records === undefined ? paths : [records, ...paths.filter((path) => startsAt(path, "message"))];
  const first = read.flatMap((path) =>
    startsAt(path, "message") || startsAt(path, "record") ? path.keys.slice(0, 1) : [],
  );
  return [...new Set(first)].filter((key) => !SNS_KEYS.has(key));
}

function startsAt(path: Path, root: "message" | "record"): path is Extract<Path, { kind: "keys" }> {
  return path.kind === "keys" && path.root === root;
}

/** Every event has these fields (AWS, "Amazon EventBridge event structure reference"). */
const eventbridge: Content = (value) => {
  const { version, id, source, account, time, region, resources, detail } = value;
  const texts = [value["detail-type"], version, id, source, account, time, region];
  const isEvent = texts.every((text) => typeof text === "string") && isList(resources);
  return isEvent && isObject(detail) ? detail : undefined;
};

/** Structured mode (CloudEvents 1.0, JSON event format, section 3); 0.3 differs only in how it marks base64. */
const cloudevents: Content = ({ specversion, id, source, type, data, data_base64: base64 }, allowance) => {
  const isEvent = specversion === "1.0" || specversion === "0.3";
  if (!isEvent || ![id, source, type].every((text) => typeof text === "string")) return undefined;
  if (isObject(data) || isList(data)) return data;
  if (typeof data === "string") return readWithin("data", data, allowance);
  if (typeof base64 === "string") return readWithin("data_base64", base64, allowance);
  return new Invalid(data === undefined ? "data: missing" : `data: ${NOT_A_STRUCTURE.reason}`);
};
