// A mapping, and a message whose values stand where the mapping looks for them, most of the time.
import {
  ENVELOPES,
  type Column,
  type Condition,
  type MappedMessage,
  type Mapping,
  type Path,
  type Scalar,
} from "../../../src/mapping/mapping.ts";
import { ENVELOPE } from "../../support/envelope.ts";
import { fact, keysOf } from "../example.ts";
import { Num, type Value } from "../reference/value.ts";
import type { Choices } from "./choices.ts";
import { path, randomColumn } from "./columns.ts";
import { damaged, wrapped, write } from "./text.ts";
import { json, valueOf } from "./values.ts";

type Fields = Map<string, Value>;

export interface Pair {
  readonly mapping: Mapping;
  readonly message: MappedMessage;
}

export function makePair(choices: Choices): Pair {
  const columns = choices.times(choices.nat(5) + 2, (nth) => randomColumn(choices, `c${nth}`));
  const when = choices.times(choices.pick(0, 0, 0, 0, 0, 1, 2), () => condition(choices, columns));
  const mapping: Mapping = {
    table: { schema: "public", name: "t" },
    envelopes: ENVELOPES.filter(() => !choices.isRare(40)),
    records: choices.isRare(40) ? recordsPath(choices) : undefined,
    when,
    unmatched: choices.pick("quarantine", "skip"),
    dedupe: choices.times(choices.pick(0, 0, 0, 0, 1, 2), () => somePath(choices, columns)),
    columns,
  };
  return { mapping, message: makeMessage(choices, mapping) };
}

/** Around a text: seldom more than are opened. */
const LAYERS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 4] as const;

function recordsPath(choices: Choices): Path {
  if (choices.isRare(4)) return fact("body");
  const keys = choices.pick(["items"], ["items"], ["a", "items"], [], ["items", "0"]);
  return keysOf(choices.pick("record", "message"), ...keys);
}

function somePath(choices: Choices, columns: readonly Column[]): Path {
  const from = columns[choices.nat(columns.length)]?.from[0];
  return from === undefined || choices.isRare(30) ? path(choices) : from;
}

const SCALARS: readonly [Scalar, ...Scalar[]] = ["x", 1, 12, "", null, true, false, 0, 0.1, 1.5, "1", 1e300];

function condition(choices: Choices, columns: readonly Column[]): Condition {
  const at = somePath(choices, columns);
  const kind = choices.pick("equals", "prefix", "missing");
  if (kind === "missing") return { path: at, test: { kind } };
  if (kind === "prefix") return { path: at, test: { kind, prefix: choices.pick("", "x", "2", " ", "📱") } };
  return {
    path: at,
    test: { kind, values: choices.times(choices.nat(5) + 1, () => choices.pick(...SCALARS)) },
  };
}

function makeMessage(choices: Choices, mapping: Mapping): MappedMessage {
  const message = makeStructure(choices, mapping);
  let body = write(choices, inEnvelopes(choices, mapping, disguised(choices, message)));
  for (let layer = choices.pick(...LAYERS); layer > 0; layer -= 1) body = wrapped(choices, body);
  if (choices.isRare(3)) body = damaged(choices, body);
  if (choices.isRare(3)) body = `\u{feff}${body}`;
  const attributes: Readonly<Record<string, string>> = choices.isRare(30) ? { t: "x", u: '{"a":1}' } : {};
  return { messageId: "m-1", sentAt: 1_700_000_000_123, queue: "orders", body, attributes };
}

function makeStructure(choices: Choices, { records, columns, when, dedupe }: Mapping): Value {
  const others = [...when.map((each) => each.path), ...dedupe];
  const makeRecord = (record: Fields = new Map()): Value => {
    if (choices.isRare(3)) return json(choices, 2);
    for (const each of columns) for (const from of each.from) plantValue(choices, record, from, each);
    for (const at of others) if (choices.isRare(40)) plantValue(choices, record, at, undefined);
    return record;
  };
  if (records?.kind !== "keys") return makeRecord();
  const list: Value = choices.isRare(4)
    ? json(choices, 1)
    : choices.times(choices.pick(1, 2, 3, 2, 1, 0), () => makeRecord());
  if (records.keys.length === 0) return list;
  const message: Fields = new Map();
  plant(message, records.keys, list);
  return makeRecord(message);
}

function plantValue(choices: Choices, record: Fields, at: Path, column: Column | undefined): void {
  if (at.kind !== "keys" || at.keys.length === 0 || choices.isRare(8)) return;
  const type = column?.type ?? choices.pick("text", "numeric", "jsonb", "boolean");
  plant(record, at.keys, choices.isRare(6) ? null : valueOf(choices, type));
}

/** What stands on the way already is not replaced. */
function plant(object: Fields, [key = "", ...rest]: readonly string[], value: Value): void {
  const there = object.get(key);
  if (rest.length === 0) object.set(key, value);
  else if (there instanceof Map) plant(there, rest, value);
  else if (Array.isArray(there)) {
    const nth = there[Number(rest[0])];
    if (nth instanceof Map && rest.length > 1) plant(nth, rest.slice(1), value);
  } else {
    const inner: Fields = new Map();
    plant(inner, rest, value);
    object.set(key, rest[0] === "0" ? [inner.get("0") ?? null] : inner);
  }
}

/** With objects and lists in it as text, some of it very deep. */
function disguised(choices: Choices, value: Value): Value {
  if (Array.isArray(value)) return value.map((each) => inText(choices, disguised(choices, each)));
  if (!(value instanceof Map)) return value;
  return new Map(Array.from(value, ([key, each]) => [key, inText(choices, disguised(choices, each))]));
}

function inText(choices: Choices, value: Value): Value {
  if (!Array.isArray(value) && !(value instanceof Map)) return value;
  if (choices.isRare(0.5)) return "[".repeat(choices.pick(129, 200));
  if (choices.isRare(0.5)) return `${"[".repeat(choices.pick(126, 128, 129))}${"]".repeat(126)}`;
  if (!choices.isRare(12)) return value;
  let text = write(choices, value);
  for (let layer = choices.pick(...LAYERS); layer > 0; layer -= 1) text = wrapped(choices, text);
  return choices.isRare(3) ? damaged(choices, text) : text;
}

function inEnvelopes(choices: Choices, { envelopes }: Mapping, message: Value): Value {
  let outer = message;
  for (let depth = choices.pick(0, 0, 0, 0, 0, 1, 1, 2, 3); depth > 0; depth -= 1) {
    const opened = envelopes[choices.nat(envelopes.length || 1)];
    const name = opened === undefined || choices.isRare(8) ? choices.pick(...ENVELOPES) : opened;
    outer = { sns: inSns, eventbridge: inEventBridge, cloudevents: inCloudEvent }[name](choices, outer);
    if (!(outer instanceof Map)) continue;
    if (choices.isRare(4)) outer.set(choices.pick("a", "b", "id", "items", "Subject"), new Num("1"));
    if (choices.isRare(4)) outer.delete(choices.pick(...(Array.from(outer.keys()) as [string, ...string[]])));
  }
  return outer;
}

function asText(choices: Choices, value: Value): string {
  let text = write(choices, value);
  for (let layer = choices.pick(...LAYERS); layer > 0; layer -= 1) text = wrapped(choices, text);
  return text;
}

function inSns(choices: Choices, message: Value): Value {
  const value: Value = new Map([
    ["Type", "Binary"],
    ["Value", "AAE="],
  ]);
  const attributes = new Map<string, Value>([
    ["t", value],
    ["n", new Num("5")],
    ["__proto__", value],
  ]);
  return new Map<string, Value>([
    ...Object.entries(ENVELOPE),
    ["Message", asText(choices, message)],
    ...(choices.nat(2) === 1 ? [["MessageAttributes", attributes] as const] : []),
  ]);
}

function inEventBridge(choices: Choices, message: Value): Value {
  const texts = ["version", "id", "detail-type", "source", "account", "time", "region"];
  return new Map<string, Value>([
    ...texts.map((key) => [key, "x"] as const),
    ["resources", choices.times(choices.nat(2), () => "arn")],
    ["detail", message],
  ]);
}

function inCloudEvent(choices: Choices, message: Value): Value {
  const attributes = ["id", "source", "type"].map((key) => [key, "x"] as const);
  const data: readonly [string, Value] =
    choices.nat(2) === 0
      ? ["data", message]
      : choices.nat(2) === 0
        ? ["data", asText(choices, message)]
        : ["data_base64", wrapped(choices, write(choices, message))];
  return new Map<string, Value>([
    ["specversion", choices.pick("1.0", "1.0", "0.3", "2.0")],
    ...attributes,
    data,
  ]);
}
