import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createOpener } from "../../src/mapping/envelopes.ts";
import { Invalid, type Mapping } from "../../src/mapping/mapping.ts";
import { ENVELOPE, inEnvelope } from "../support/envelope.ts";
import { column, keys, keysOf, mapping, sent } from "./example.ts";

const ALL = { envelopes: ["sns", "eventbridge", "cloudevents"] } as const;

/** What a body is opened to: the message, and the envelopes around it. */
function open(body: unknown, changed: Partial<Mapping> = ALL): unknown {
  const opened = createOpener(mapping(changed))(sent(body));
  if (opened instanceof Invalid) return opened.reason;
  const { message, sns, eventbridge, cloudevents } = opened;
  const around = Object.entries({ sns, eventbridge, cloudevents }).filter(
    ([, envelope]) => envelope !== undefined,
  );
  return { message, ...Object.fromEntries(around) };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const sns = (text: string): Record<string, unknown> => ({ ...ENVELOPE, Message: text });

/** As AWS shows it. */
const event = (detail: unknown): Record<string, unknown> => ({
  ...{
    version: "0",
    id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
  },
  ...{ source: "aws.ec2", account: "111122223333", time: "2017-12-22T18:43:48Z", region: "us-west-1" },
  ...{ resources: ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"], detail },
});

/** As the specification shows it. */
const cloudEvent = (data: object): Record<string, unknown> => ({
  ...{ specversion: "1.0", type: "com.example.someevent", source: "/mycontext", id: "C234-1234-1234" },
  ...{ time: "2018-04-05T17:31:00Z", comexampleextension1: "value", datacontenttype: "application/json" },
  ...data,
});

const RECORD = { a: 1 };
const TEXT = JSON.stringify(RECORD);

describe("an envelope of SNS", () => {
  it.each([
    ["JSON", TEXT],
    ["base64", base64(TEXT)],
    ["gzip", gzipSync(TEXT).toString("base64")],
    ["JSON in a string", JSON.stringify(TEXT)],
    ["JSON after a byte order mark", `\u{feff}${TEXT}`],
  ])("is opened, its text read as a body: %s", (_what, text) => {
    expect(open(sns(text))).toEqual({ message: RECORD, sns: sns(text) });
    expect(open(`\u{feff}${inEnvelope(text)}`)).toMatchObject({ message: RECORD });
    expect(open(base64(inEnvelope(TEXT)))).toMatchObject({ message: RECORD });
  });

  it("is opened without what SNS adds for receivers of HTTP, in each of AWS's partitions", () => {
    const { Type, MessageId } = ENVELOPE;
    for (const partition of ["aws", "aws-cn", "aws-us-gov"]) {
      const TopicArn = `arn:${partition}:sns:region:123456789012:logins`;
      expect(open({ Type, MessageId, TopicArn, Message: TEXT })).toMatchObject({ message: RECORD });
    }
  });

  it.each([
    ["Message: not JSON", "user u logged in"],
    ["Message: not a JSON object or list", "1"],
    ["Message: not a JSON object or list", '"hello"'],
    ["Message: deeper than 128 levels", "[".repeat(200)],
    ["Message: damaged gzip", "H4sI"],
  ])("that holds no body is rejected: %s", (reason, text) => {
    expect(open(sns(text))).toBe(reason);
  });

  it("in another is not opened", () => {
    expect(open(sns(inEnvelope(TEXT)))).toEqual({ message: sns(TEXT), sns: sns(inEnvelope(TEXT)) });
  });

  it.each([
    ["another type", { Type: "SubscriptionConfirmation" }],
    ["no type", { Type: undefined }],
    ["no id", { MessageId: undefined }],
    ["an id that is no text", { MessageId: 1 }],
    ["no topic", { TopicArn: undefined }],
    ["a topic longer than an ARN", { TopicArn: `arn:aws:sns:us-west-2:123456789012:${"a".repeat(2048)}` }],
    ["a topic of another service", { TopicArn: "arn:aws:sqs:us-west-2:123456789012:logins" }],
    ["a message that is no text", { Message: RECORD }],
    ["no message", { Message: undefined }],
  ])("is not surely there, so not opened, with %s", (_what, changed) => {
    const body = JSON.parse(JSON.stringify({ ...sns(TEXT), ...changed })) as unknown;
    expect(open(body)).toEqual({ message: body });
  });

  it("is not opened where the mapping does not list it", () => {
    expect(open(sns(TEXT), { envelopes: [] })).toEqual({ message: sns(TEXT) });
    expect(open(sns(TEXT), { envelopes: ["eventbridge", "cloudevents"] })).toEqual({ message: sns(TEXT) });
  });
});

describe("a body with all of an SNS envelope's keys", () => {
  const body = { ...sns(TEXT), own: 1 };
  const reads = (...columns: Mapping["columns"]): Partial<Mapping> => ({ columns });

  it.each<[string, Partial<Mapping>]>([
    ["a column's value", reads(column("x", keys("x")), column("own", keys("y"), keys("own", "z")))],
    ["a condition's value", { when: [{ path: keys("own"), test: { kind: "missing" } }] }],
    ["a part of the idempotency key", { dedupe: [keys("own")] }],
    ["the list", { records: keys("own", "list") }],
    ["the message, by name", { records: keys("list"), columns: [column("own", keysOf("message", "own"))] }],
  ])("is the message itself where a key of it is %s", (_what, changed) => {
    expect(open(body, changed)).toEqual({ message: body });
    expect(open(sns(TEXT), changed)).toMatchObject({ message: RECORD });
  });

  it.each<[string, Partial<Mapping>]>([
    ["no key of it", reads(column("own", keys("x")))],
    ["a key of the envelope", reads(column("own", keysOf("sns", "own")))],
    ["the whole record", reads(column("own", keys()))],
    ["a key of a record in a list", { records: keys("list"), columns: [column("own", keys("own"))] }],
    [
      "a key that SNS writes",
      reads(column("Timestamp", keys("Timestamp")), column("m", keys("Message", "id"))),
    ],
  ])("is opened where the mapping reads %s", (_what, changed) => {
    expect(open(body, changed)).toMatchObject({ message: RECORD, sns: body });
  });
});

describe("an event of EventBridge", () => {
  it("is opened to its detail", () => {
    expect(open(event(RECORD))).toEqual({ message: RECORD, eventbridge: event(RECORD) });
    expect(open({ ...event(RECORD), "replay-name": "r" })).toMatchObject({ message: RECORD });
  });

  it.each(Object.keys(event(RECORD)))("is not surely there, so not opened, without %s", (key) => {
    for (const value of [undefined, 1]) {
      const body = JSON.parse(JSON.stringify({ ...event(RECORD), [key]: value })) as unknown;
      expect(open(body)).toEqual({ message: body });
    }
  });

  it("is not opened where the mapping does not list it", () => {
    expect(open(event(RECORD), {})).toEqual({ message: event(RECORD) });
  });
});

describe("a CloudEvent", () => {
  it.each<[string, object]>([
    ["an object", { data: RECORD }],
    ["JSON in a string", { data: TEXT }],
    ["base64", { data_base64: base64(TEXT) }],
    ["gzip", { data_base64: gzipSync(TEXT).toString("base64") }],
    ["base64, as 0.3 writes it", { specversion: "0.3", datacontentencoding: "base64", data: base64(TEXT) }],
  ])("is opened to its data: %s", (_what, data) => {
    expect(open(cloudEvent(data))).toEqual({ message: RECORD, cloudevents: cloudEvent(data) });
  });

  it("may hold a list", () => {
    expect(open(cloudEvent({ data: [1] }))).toMatchObject({ message: [1] });
  });

  it.each<[string, object]>([
    ["data: missing", {}],
    ["data: not a JSON object or list", { data: 1 }],
    ["data: not a JSON object or list", { data: null }],
    ["data: not JSON", { data: "hello" }],
    ["data_base64: not JSON", { data_base64: "hello" }],
    ["data_base64: damaged gzip", { data_base64: "H4sI" }],
  ])("whose data is no body is rejected: %s", (reason, data) => {
    expect(open(cloudEvent(data))).toBe(reason);
  });

  it.each(["specversion", "id", "source", "type"])(
    "is not surely there, so not opened, without %s",
    (key) => {
      for (const value of [undefined, 1]) {
        const body = JSON.parse(JSON.stringify({ ...cloudEvent({ data: RECORD }), [key]: value })) as unknown;
        expect(open(body)).toEqual({ message: body });
      }
    },
  );

  it("of another version, or one that the mapping does not list, is not opened", () => {
    const later = cloudEvent({ data: RECORD, specversion: "2.0" });
    expect(open(later)).toEqual({ message: later });
    expect(open(cloudEvent({ data: RECORD }), {})).toEqual({ message: cloudEvent({ data: RECORD }) });
  });
});

describe("envelopes in one another", () => {
  it("are opened in the order in which they nest, and each stays a root", () => {
    const inner = cloudEvent({ data_base64: base64(TEXT) });
    const middle = event(inner);
    const outer = sns(JSON.stringify(middle));
    for (const envelopes of [ALL.envelopes, ["cloudevents", "sns", "eventbridge"] as const]) {
      expect(open(outer, { envelopes })).toEqual({
        message: RECORD,
        sns: outer,
        eventbridge: middle,
        cloudevents: inner,
      });
    }
    const turned = cloudEvent({ data: event(sns(TEXT)) });
    expect(open(turned)).toEqual({
      message: RECORD,
      cloudevents: turned,
      eventbridge: event(sns(TEXT)),
      sns: sns(TEXT),
    });
  });

  it("are each opened once", () => {
    expect(open(event(event(RECORD)))).toMatchObject({ message: event(RECORD) });
    const twice = cloudEvent({ data: cloudEvent({ data: RECORD }) });
    expect(open(twice)).toEqual({ message: cloudEvent({ data: RECORD }), cloudevents: twice });
  });

  it("stop at one that is not listed", () => {
    expect(open(event(sns(TEXT)), {})).toEqual({ message: event(sns(TEXT)) });
  });

  it("have three texts in texts between them", () => {
    const two = JSON.stringify(inEnvelope(JSON.stringify(TEXT)));
    expect(open(two)).toMatchObject({ message: RECORD });
    expect(open(JSON.stringify(two))).toBe("Message: more than three layers");
    expect(open(JSON.stringify(JSON.stringify(two)))).toBe("Message: more than three layers");
    const four = JSON.stringify(JSON.stringify(JSON.stringify(inEnvelope(TEXT))));
    expect(open(four)).toBe("Message: more than three layers");
  });
});

describe("a body", () => {
  it.each([
    ["body: not JSON", "oops"],
    ["body: not JSON", ""],
    ["body: not a JSON object or list", "1"],
    ["body: deeper than 128 levels", "[".repeat(1_000_000)],
    ["body: more than three layers", JSON.stringify(JSON.stringify(JSON.stringify(JSON.stringify("{}"))))],
  ])("that is none is rejected: %s", (reason, body) => {
    expect(open(body)).toBe(reason);
  });

  it("of any JSON object without an envelope is the message", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const json = JSON.stringify(value);
        expect(open(json)).toEqual({ message: JSON.parse(json) as unknown });
      }),
    );
  });

  it("that is a list is the message", () => {
    expect(open([sns(TEXT)])).toEqual({ message: [sns(TEXT)] });
  });
});
