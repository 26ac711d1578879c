// Pure: makes a path a function that finds its value in a record.
import { readBody, type Structure } from "./body.ts";
import { isList, isObject } from "./json.ts";
import { BeyondLimit, MAX_LAYERS } from "./limits.ts";
import { Invalid, type Fact, type Json, type Path } from "./mapping.ts";
import type { OpenedMessage, OpenedRecord } from "./opened.ts";

/** The value; undefined if it is missing. */
export type Lookup = (opened: OpenedRecord) => Json | undefined;

type Keys = Extract<Path, { kind: "keys" }>;

const FACTS: Readonly<Record<Fact, (opened: OpenedRecord) => string | number>> = {
  index: ({ index }) => index,
  message_id: ({ message }) => message.sent.messageId,
  sent_at: ({ message }) => new Date(message.sent.sentAt).toISOString(),
  queue: ({ message }) => message.sent.queue,
  body: ({ message }) => message.sent.body,
};

/** A list has no other keys: `01` and `-1` are missing. */
const LIST_INDEX = /^(?:0|[1-9]\d*)$/;

/**
 * Makes the lookup of a path. It sees own properties only. A step into text reads the text as a body; one into another scalar, or into
 * text that is no body, is missing. Where such a text is beyond a limit, the record's `beyond` says so.
 */
export function createLookup(path: Path): Lookup {
  if (path.kind === "fact") return FACTS[path.fact];
  if (path.kind === "attribute") return ({ message }) => attributeOf(message, path.name);
  const root = rootOf(path);
  const [key, ...others] = path.keys;
  if (key === undefined) return root;
  const step = createStep(key);
  if (others.length === 0) return (opened) => step(root(opened), opened, path, 0);
  const steps = path.keys.map(createStep);
  return (opened) => {
    let value = root(opened);
    for (let depth = 0; value !== undefined && depth < steps.length; depth += 1) {
      value = steps[depth]?.(value, opened, path, depth);
    }
    return value;
  };
}

function rootOf({ root }: Keys): Lookup {
  return root === "record" ? (opened) => opened.record : (opened) => opened.message[root];
}

/** @param depth the number of the path's keys before this one */
type Step = (value: Json | undefined, opened: OpenedRecord, path: Keys, depth: number) => Json | undefined;

function createStep(key: string): Step {
  const index = LIST_INDEX.test(key) ? Number(key) : undefined;
  const member = (value: Json | undefined): Json | undefined => {
    if (isList(value)) return index === undefined ? undefined : value[index];
    return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  };
  return (value, opened, path, depth) =>
    member(typeof value === "string" ? structureIn(value, opened, path, depth) : value);
}

/** What a text on a path holds. */
function structureIn(text: string, opened: OpenedRecord, path: Keys, depth: number): Structure | undefined {
  const place = JSON.stringify([path.root, ...path.keys.slice(0, depth)]);
  const value = readText(opened.message, place, text);
  if (!(value instanceof Invalid)) return value;
  if (value instanceof BeyondLimit) opened.beyond ??= `${path.text}: ${value.reason}`;
  return undefined;
}

/** Reads a text as a body, once as long as the place holds the same text. */
export function readText(message: OpenedMessage, place: string, text: string): Structure | Invalid {
  message.texts ??= new Map();
  const last = message.texts.get(place);
  if (last?.text === text) return last.value;
  message.layers = MAX_LAYERS;
  const value = readBody(text, message);
  message.texts.set(place, { text, value });
  return value;
}

/** SQS's, else the SNS envelope's: text, a number as text, or base64 as SNS writes binary. */
function attributeOf({ sent, sns }: OpenedMessage, name: string): string | undefined {
  if (Object.hasOwn(sent.attributes, name)) return sent.attributes[name];
  const attributes = sns?.["MessageAttributes"];
  const attribute = isObject(attributes) && Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  const value = isObject(attribute) ? attribute["Value"] : undefined;
  return typeof value === "string" ? value : undefined;
}
