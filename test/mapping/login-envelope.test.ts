import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ENVELOPE, inEnvelope } from "../support/envelope.ts";
import { readLogin, type ReadLogin } from "../support/login-entries.ts";

const login = {
  user_id: "u",
  app_version: "2.3.0",
  device_type: "ios",
  ip: "192.0.2.1",
  locale: "RU",
  device_id: "d",
};
const text = JSON.stringify(login);
const decode = (body: string): ReadLogin => readLogin(body);

describe("an envelope of SNS", () => {
  it("changes nothing of what is decoded, whatever the message and however it is written", () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: "binary" }),
      fc.constantFrom("192.0.2.1", "2.3.0", null),
    );
    const messages = fc
      .tuple(fc.dictionary(fc.constantFrom(...Object.keys(login), "create_date", "more"), value), fc.nat(3))
      .map(([changed, indent]) => JSON.stringify({ ...login, ...changed }, null, indent));
    fc.assert(
      fc.property(messages, (body) => {
        expect(decode(inEnvelope(body))).toEqual(decode(body));
      }),
      { numRuns: 1000 },
    );
  });

  it("is opened without what SNS adds for receivers of HTTP", () => {
    const { Type, MessageId, TopicArn } = ENVELOPE;
    const body = JSON.stringify({ Type, MessageId, TopicArn, Message: text });
    expect(decode(body)).toEqual(decode(text));
  });

  it("is opened in each of AWS's partitions", () => {
    for (const partition of ["aws", "aws-cn", "aws-us-gov"]) {
      const TopicArn = `arn:${partition}:sns:region:123456789012:logins`;
      expect(decode(JSON.stringify({ ...ENVELOPE, TopicArn, Message: text })).ok).toBe(true);
    }
  });

  it("is opened for the longest ARN that there can be", () => {
    const start = "arn:aws:sns:us-west-2:123456789012:";
    const TopicArn = start + "a".repeat(2048 - start.length);
    expect(decode(JSON.stringify({ ...ENVELOPE, TopicArn, Message: text })).ok).toBe(true);
  });

  it("and its message may each begin with a byte order mark", () => {
    expect(decode(`\u{feff}${inEnvelope(`\u{feff}${text}`)}`)).toEqual(decode(text));
  });

  it("does not give the message its time or its id", () => {
    expect(decode(inEnvelope(text))).toMatchObject({ login: { create_date: "2030-01-01" } });
  });

  it.each([
    ["no JSON", "user u logged in", ["Message: not JSON"]],
    ["no JSON object or list", "1", ["Message: not a JSON object or list"]],
    [
      "a login that breaks the contract",
      JSON.stringify({ ...login, ip: "secret" }),
      ["ip: not an IP address"],
    ],
  ])("that holds %s is turned away for what it holds", (_what, held, reasons) => {
    expect(decode(inEnvelope(held))).toEqual({ ok: false, reasons });
  });

  it("within another is not opened: nothing of SNS's makes one", () => {
    const decoded = decode(inEnvelope(inEnvelope(text)));
    expect(decoded).toMatchObject({ ok: false, reasons: expect.arrayContaining(["user_id: missing"]) });
  });
});

describe("what is not surely an envelope is not opened:", () => {
  it.each([
    ["another type", { Type: "SubscriptionConfirmation" }],
    ["no type", { Type: undefined }],
    ["no id", { MessageId: undefined }],
    ["no topic", { TopicArn: undefined }],
    [
      "a topic longer than an ARN can be",
      { TopicArn: `arn:aws:sns:us-west-2:123456789012:${"a".repeat(2048)}` },
    ],
    ["a text before the topic", { TopicArn: "of arn:aws:sns:us-west-2:123456789012:logins" }],
    ["a topic that is none of SNS's", { TopicArn: "arn:aws:sqs:us-west-2:123456789012:logins" }],
    ["a message that is no text", { Message: login }],
  ])("%s", (_what, changed) => {
    const decoded = decode(JSON.stringify({ ...ENVELOPE, Message: text, ...changed }));
    expect(decoded).toMatchObject({ ok: false, reasons: expect.arrayContaining(["user_id: missing"]) });
  });

  it("a login that has all of an envelope's keys too", () => {
    const other = JSON.stringify({ ...login, user_id: "another" });
    const decoded = decode(JSON.stringify({ ...ENVELOPE, Message: other, ...login }));
    expect(decoded).toMatchObject({ ok: true, login: { user_id: "u" } });
  });

  it("a broken login that has all of an envelope's keys too", () => {
    const broken = { ...ENVELOPE, Message: text, ...login, user_id: undefined };
    expect(decode(JSON.stringify(broken))).toEqual({ ok: false, reasons: ["user_id: missing"] });
  });
});
