// Columns of any kind that a mapping's file may have.
import {
  LongNumber,
  TYPES,
  UNITS,
  type Column,
  type Json,
  type Normalization,
  type Path,
  type Root,
  type TypeName,
} from "../../../src/mapping/mapping.ts";
import { keysOf, attribute, column, fact } from "../example.ts";
import type { Choices } from "./choices.ts";
import { KEYS } from "./values.ts";

export function path(choices: Choices): Path {
  if (choices.isRare(6)) return fact(choices.pick("index", "message_id", "sent_at", "queue", "body"));
  if (choices.isRare(4)) return attribute(choices.pick("t", "u", "__proto__", "constructor", "n"));
  if (choices.isRare(8)) {
    const ofEnvelopes = choices.pick(
      ["id"],
      ["TopicArn"],
      ["detail", "a"],
      ["data", "a"],
      [],
      ["Message", "a"],
    );
    return keysOf(choices.pick("sns", "eventbridge", "cloudevents"), ...ofEnvelopes);
  }
  const root: Root = choices.isRare(15) ? "message" : "record";
  const length = choices.pick(1, 1, 2, 2, 3, 0);
  return keysOf(root, ...choices.times(length, () => key(choices)));
}

/** A key, most often one of the first. */
function key(choices: Choices): string {
  return choices.isRare(25) ? choices.pick(...KEYS) : choices.pick(...(["a", "b", "id", "0"] as const));
}

const DEFAULTS: Readonly<Record<TypeName, readonly [Json, ...Json[]]>> = {
  text: ["d", ""],
  integer: [7, "-0"],
  bigint: [new LongNumber("9007199254740993")],
  numeric: [1.5, new LongNumber("1.00000000000000000000000000001")],
  double: [0.1],
  boolean: [true, 0],
  date: ["2024-01-15"],
  timestamptz: ["2024-01-15T10:15:30Z"],
  uuid: ["0F8FAD5B-d9cb-469f-a165-70867728950e"],
  ip: ["192.0.2.1"],
  jsonb: [{ a: 1 }, [], { a: { b: new LongNumber("1e400") } }],
  version: ["1.2.3"],
  version_major: [2],
};

const STEPS: Readonly<Partial<Record<TypeName, readonly [Normalization, ...Normalization[]]>>> = {
  text: ["trim", "lower", "uuid", "url_decode", "empty", "nil"],
  uuid: ["trim", "lower", "uuid", "url_decode", "empty", "nil"],
  ip: ["first", "last"],
  jsonb: ["decode"],
};
const MASKED: readonly TypeName[] = ["text", "integer", "bigint", "numeric", "date", "uuid", "ip"];

export function randomColumn(choices: Choices, name: string): Column {
  const type = choices.pick("text", ...TYPES);
  const isSetNull = !choices.isRare(15);
  const required = choices.isRare(25);
  const steps = STEPS[type];
  const keep = choices.times(choices.nat(3) + 1, () => choices.times(choices.nat(3), () => key(choices)));
  const isTimed = type === "date" || type === "timestamptz";
  const from: Path[] = choices.times(choices.pick(1, 1, 1, 2, 3), () => path(choices));
  return {
    ...column(name, ...from),
    type,
    min: type === "text" && choices.isRare(15) ? choices.nat(4) : undefined,
    max: type === "text" && choices.isRare(15) ? choices.nat(6) + 3 : undefined,
    unit: isTimed && choices.isRare(50) ? choices.pick(...UNITS) : undefined,
    zone: isTimed && choices.isRare(40) ? choices.pick(0, 330, -1439) : undefined,
    keep: type === "jsonb" && choices.isRare(50) ? keep : undefined,
    required,
    nullable: isSetNull || !required || !choices.isRare(25),
    default: choices.isRare(12) ? choices.pick(...DEFAULTS[type]) : undefined,
    invalid: isSetNull ? "set_null" : "reject",
    normalize:
      steps !== undefined && choices.isRare(55)
        ? choices.times(choices.nat(3) + 1, () => choices.pick(...steps))
        : [],
    mask: MASKED.includes(type) && choices.isRare(30) ? mask(choices, type) : undefined,
  };
}

function mask(choices: Choices, type: TypeName): Column["mask"] {
  const field = choices.pick("device_id", "ip", "a-b_C");
  if (type !== "ip" || choices.nat(2) === 0) return { kind: "token", field };
  return { kind: "network", field, v4: choices.pick(24, 0, 31, 32, 9), v6: choices.pick(48, 0, 128, 57, 96) };
}
