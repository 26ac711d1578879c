// What paths start from: a message whose body has been read, and a record of it.
import type { Allowance, Structure } from "./body.ts";
import { MAX_BYTES, MAX_LAYERS } from "./limits.ts";
import type { EnvelopeName, Invalid, Json, JsonObject, MappedMessage } from "./mapping.ts";

/** A text that a path has stepped into, and what it holds. */
interface ReadText {
  readonly text: string;
  readonly value: Structure | Invalid;
}

export class OpenedMessage implements Allowance, Record<EnvelopeName, JsonObject | undefined> {
  readonly sent: MappedMessage;
  /** The root `$message`. */
  message: Structure = [];
  sns: JsonObject | undefined = undefined;
  eventbridge: JsonObject | undefined = undefined;
  cloudevents: JsonObject | undefined = undefined;
  layers = MAX_LAYERS;
  bytes = MAX_BYTES;
  /** The latest text at each place, so that each is read once a record however many paths lead into it. */
  texts: Map<string, ReadText> | undefined = undefined;

  constructor(sent: MappedMessage) {
    this.sent = sent;
  }
}

export class OpenedRecord {
  readonly kind = "opened";
  readonly message: OpenedMessage;
  /** The root `$record`; in a list it may be any value. */
  readonly record: Json;
  /** From 0. */
  readonly index: number;
  /** Why a text that a path steps into was not read: it is beyond a limit. The record must then be rejected for it. */
  beyond: string | undefined = undefined;

  constructor(message: OpenedMessage, record: Json, index: number) {
    this.message = message;
    this.record = record;
    this.index = index;
  }
}
