import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { finite, receivedOf, toFailed, toReceived } from "../../src/sqs/message.ts";

function received(message: Parameters<typeof toReceived>[0]): ReturnType<typeof toReceived> {
  return toReceived(message, () => undefined);
}

const ids = { MessageId: "id", ReceiptHandle: "handle" };

describe("a received message", () => {
  it("without a body has an empty one, and without attributes neither time nor count", () => {
    expect(received(ids)).toEqual({
      messageId: "id",
      receiptHandle: "handle",
      body: "",
      sentAt: undefined,
      receiveCount: undefined,
    });
  });

  it("has no time where the server gives something that is not a number", () => {
    const message = received({
      ...ids,
      Attributes: { SentTimestamp: "today", ApproximateReceiveCount: "" },
    });
    expect(message).toMatchObject({ sentAt: undefined, receiveCount: undefined });
  });

  it.each(["-1", "253402300800000", "9e15", "1e400"])(
    "has no time where the server gives %s",
    (SentTimestamp) => {
      expect(received({ ...ids, Attributes: { SentTimestamp } })).toMatchObject({ sentAt: undefined });
    },
  );

  it("is left out, and told of by its id, when its body is not the one that its checksum was made of", () => {
    const MD5OfBody = createHash("md5").update("sent").digest("hex");
    const damaged: string[] = [];
    const take = (Body: string): unknown => toReceived({ ...ids, Body, MD5OfBody }, (id) => damaged.push(id));
    expect(take("sent")).toMatchObject({ body: "sent" });
    expect(take("other")).toBeUndefined();
    expect(damaged).toEqual(["id"]);
  });

  it("that came damaged takes those after it in its message group along, and none of another group", () => {
    const MD5OfBody = createHash("md5").update("sent").digest("hex");
    const message = (MessageId: string, MessageGroupId: string | undefined, Body = "sent") => ({
      ...{ MessageId, ReceiptHandle: "handle", Body, MD5OfBody },
      ...(MessageGroupId === undefined ? {} : { Attributes: { MessageGroupId } }),
    });
    const damaged: string[] = [];
    const taken = receivedOf(
      [
        ...[message("a1", "a"), message("a2", "a", "other"), message("b1", "b"), message("a3", "a")],
        ...[message("1", undefined, "other"), message("2", undefined), message("b2", "b")],
      ],
      (id) => damaged.push(id),
    );
    expect(taken.map(({ messageId }) => messageId)).toEqual(["a1", "b1", "2", "b2"]);
    expect(damaged).toEqual(["a2", "1"]);
  });

  it("is taken when only its line ends were changed on the way", () => {
    const MD5OfBody = createHash("md5").update("{\r\n}").digest("hex");
    expect(received({ ...ids, Body: "{\n}", MD5OfBody })?.body).toBe("{\n}");
  });

  it.each([{ MessageId: "id" }, { ReceiptHandle: "handle" }])("is refused with nothing but %j", (message) => {
    expect(() => received(message)).toThrow(/without an id or a receipt handle/);
  });
});

it("a failed entry is known by its position; one that was never sent is left out", () => {
  expect(
    toFailed([
      { Id: "3", SenderFault: false, Code: "InternalError" },
      { Id: "3", SenderFault: true, Code: "a text that is no code" },
      { Id: "x", SenderFault: true, Code: "InternalError" },
    ]),
  ).toEqual([
    { index: 3, code: "InternalError", senderFault: false },
    { index: 3, code: "Unknown", senderFault: true },
  ]);
});

it.each(["ReceiptHandleIsInvalid", "InvalidParameterValue", "AWS.SimpleQueueService.MessageNotInflight"])(
  "an entry that failed with %s is the sender's fault, also where the server denies it",
  (Code) => {
    expect(toFailed([{ Id: "0", SenderFault: false, Code }])).toEqual([
      { index: 0, code: Code, senderFault: true },
    ]);
  },
);

it.each([
  ["30", 30],
  ["0", 0],
  ["", undefined],
  [" ", undefined],
  ["many", undefined],
  ["Infinity", undefined],
  [undefined, undefined],
])("%s as a number is %s", (text, value) => {
  expect(finite(text)).toBe(value);
});
