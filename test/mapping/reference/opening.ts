// From a body to the message, through the envelopes, and from a path to its value.
import type { EnvelopeName, MappedMessage, Mapping, Path } from "../../../src/mapping/mapping.ts";
import { isStructure, readBody, takeLayer, type Layers, type Structure } from "./body.ts";
import { Beyond, Num, Unreadable, type Value } from "./value.ts";

export interface Opened {
  readonly sent: MappedMessage;
  readonly message: Structure;
  readonly envelopes: ReadonlyMap<EnvelopeName, Structure>;
}

/** @throws {Unreadable} if a body or what an envelope holds cannot be read */
export function openMessage(mapping: Mapping, sent: MappedMessage): Opened {
  const layers = { left: 3 };
  const envelopes = new Map<EnvelopeName, Structure>();
  let message = readBody(sent.body, layers);
  for (let isOpened = true; isOpened;) {
    isOpened = false;
    for (const name of mapping.envelopes) {
      if (isOpened || envelopes.has(name) || !(message instanceof Map)) continue;
      const isThere = { sns: isSns, eventbridge: isEventBridge, cloudevents: isCloudEvent }[name];
      if (!isThere(message, mapping)) continue;
      const held = { sns: fromSns, eventbridge: fromEventBridge, cloudevents: fromCloudEvent }[name];
      envelopes.set(name, message);
      message = held(message, layers);
      isOpened = true;
    }
  }
  return { sent, message, envelopes };
}

type Fields = Map<string, Value>;
const areTexts = (fields: Fields, ...keys: readonly string[]): boolean =>
  keys.every((key) => typeof fields.get(key) === "string");

const WRITTEN_BY_SNS = [
  ...["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"],
  ...["SigningCertURL", "UnsubscribeURL", "MessageAttributes", "Token", "SubscribeURL", "SequenceNumber"],
];

function isSns(body: Fields, mapping: Mapping): boolean {
  const topic = body.get("TopicArn");
  if (body.get("Type") !== "Notification" || !areTexts(body, "MessageId", "Message")) return false;
  if (typeof topic !== "string" || topic.length > 2_048 || !/^arn:aws[a-z-]*:sns:/.test(topic)) return false;
  return firstKeys(mapping).every((key) => WRITTEN_BY_SNS.includes(key) || !body.has(key));
}

/** The first keys of what the mapping reads of the message. */
function firstKeys({ records, when, dedupe, columns }: Mapping): string[] {
  const ofRecords = [...columns.flatMap(({ from }) => from), ...when.map(({ path }) => path), ...dedupe];
  const ofMessage = [
    ...ofRecords.filter((path) => path.kind === "keys" && (records === undefined || path.root === "message")),
    ...(records === undefined ? [] : [records]),
  ];
  return ofMessage.flatMap((path) =>
    path.kind === "keys" && (path.root === "record" || path.root === "message") ? path.keys.slice(0, 1) : [],
  );
}

function isEventBridge(body: Fields): boolean {
  return (
    areTexts(body, "version", "id", "detail-type", "source", "account", "time", "region") &&
    Array.isArray(body.get("resources")) &&
    body.get("detail") instanceof Map
  );
}

function isCloudEvent(body: Fields): boolean {
  const version = body.get("specversion");
  return (version === "1.0" || version === "0.3") && areTexts(body, "id", "source", "type");
}

/** What an envelope's text holds. */
function inText(text: Value | undefined, layers: Layers): Structure {
  if (text === undefined) throw new Unreadable("missing");
  if (isStructure(text)) return text;
  if (typeof text !== "string") throw new Unreadable("neither text nor a structure");
  takeLayer(layers);
  return readBody(text, layers);
}

const fromSns = (body: Fields, layers: Layers): Structure => inText(body.get("Message"), layers);
const fromEventBridge = (body: Fields): Structure => {
  const detail = body.get("detail");
  if (!(detail instanceof Map)) throw new Unreadable("no detail");
  return detail;
};
const fromCloudEvent = (body: Fields, layers: Layers): Structure =>
  inText(body.has("data_base64") ? body.get("data_base64") : body.get("data"), layers);

/** A record, and whether a text on a path was beyond a limit. */
export interface Record {
  readonly value: Value;
  readonly index: number;
  isBeyond: boolean;
}

/** The value at a path; undefined where there is none. */
export function find(opened: Opened, record: Record, path: Path): Value | undefined {
  const { sent, message, envelopes } = opened;
  if (path.kind === "attribute") return attribute(opened, path.name);
  if (path.kind === "fact") {
    switch (path.fact) {
      case "index":
        return new Num(String(record.index));
      case "message_id":
        return sent.messageId;
      case "sent_at":
        return new Date(sent.sentAt).toISOString();
      case "queue":
        return sent.queue;
      case "body":
        return sent.body;
    }
  }
  let value: Value | undefined =
    path.root === "record" ? record.value : path.root === "message" ? message : envelopes.get(path.root);
  try {
    for (const key of path.keys) value = member(value, key);
    return value;
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    if (error instanceof Beyond) record.isBeyond = true;
    return undefined;
  }
}

/** Each text on the way has three layers of its own. */
function member(value: Value | undefined, key: string): Value | undefined {
  const structure = typeof value === "string" ? readBody(value, { left: 3 }) : value;
  if (structure instanceof Map) return structure.get(key);
  if (!Array.isArray(structure)) return undefined;
  return /^(0|[1-9]\d*)$/.test(key) && Number(key) < structure.length ? structure[Number(key)] : undefined;
}

function attribute({ sent, envelopes }: Opened, name: string): Value | undefined {
  if (Object.hasOwn(sent.attributes, name)) return sent.attributes[name];
  const sns = envelopes.get("sns");
  const all = sns instanceof Map ? sns.get("MessageAttributes") : undefined;
  const one = all instanceof Map ? all.get(name) : undefined;
  const value = one instanceof Map ? one.get("Value") : undefined;
  return typeof value === "string" ? value : undefined;
}
