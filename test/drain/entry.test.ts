import { describe, expect, it } from "vitest";
import { sealContext } from "../../src/drain/entry.ts";
import type { Entry, SentMessage } from "../../src/drain/ports.ts";
import { textMac, TOKEN_PATTERN } from "../../src/masking/token.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { unseal } from "../../src/masking/seal.ts";
import { loginEntries, loginRow } from "../support/login-entries.ts";

const keys = deriveKeys(Buffer.alloc(32, 1));
const queueId = "arn:aws:sqs:us-east-1:000000000000:logins";
let nonces = 0;
const entries = loginEntries({
  queueId,
  randomBytes: (length) => Buffer.alloc(length, (nonces += 1)),
});

function entryOf(message: SentMessage): Entry {
  const [item] = entries.items(message);
  if (item?.entry === undefined) throw new Error("a login has an entry");
  return item.entry;
}

function rowOf(message: SentMessage): Record<string, unknown> {
  const entry = entryOf(message);
  return entry.kind === "row" ? loginRow(entry.cells) : {};
}

const login = {
  user_id: "u",
  app_version: "2.3.0",
  device_type: "ios",
  ip: "192.0.2.1",
  locale: null,
  device_id: "913-24-5928",
};

function received(body: unknown, sentAt?: number): SentMessage {
  return {
    messageId: "m1",
    body: typeof body === "string" ? body : JSON.stringify(body),
    sentAt,
  };
}

describe("a message that keeps the contract", () => {
  it("becomes a row, known by its message", () => {
    const message = received(login, Date.UTC(2024, 1, 29, 23, 59, 59, 999));
    expect(entryOf(message)).toMatchObject({
      kind: "row",
      messageId: "m1",
      sentAt: Date.UTC(2024, 1, 29, 23, 59, 59, 999),
      record: 0,
      bodyMac: textMac(keys.body)(JSON.stringify(login)),
      sealed: [],
      idempotency: undefined,
    });
    expect(rowOf(message)).toEqual({
      user_id: "u",
      device_type: "ios",
      masked_ip: expect.stringMatching(TOKEN_PATTERN) as string,
      masked_device_id: expect.stringMatching(TOKEN_PATTERN) as string,
      locale: null,
      app_version: "2003000",
      create_date: "2024-02-29",
    });
  });

  it("has the day of the run where the server does not say when it took it", () => {
    expect(rowOf(received(login))).toMatchObject({ create_date: "2030-01-01" });
  });

  it("has a date of its own rather than either", () => {
    const dated = { ...login, create_date: "2001-02-03" };
    expect(rowOf(received(dated, 0))).toMatchObject({ create_date: "2001-02-03" });
  });

  it("gives the same row when it is delivered again", () => {
    expect(entryOf(received(login, 0))).toEqual(entryOf(received(login, 0)));
  });
});

describe("a message that breaks the contract", () => {
  const body = JSON.stringify({ ...login, user_id: null, ip: "913-24-5928" });
  const rejected = (): Entry => entryOf(received(body, 5));

  it("becomes a rejection: why in clear, and its body sealed", () => {
    const entry = rejected();
    expect(entry).toMatchObject({
      messageId: "m1",
      sentAt: 5,
      rejection: {
        reasons: ["user_id: null", "ip: not an IP address"],
        sealed: { keyId: keys.keyId },
      },
    });
    const sealed = entry.kind === "rejection" ? entry.rejection.sealed.bytes : new Uint8Array();
    expect(Buffer.from(sealed).includes("913")).toBe(false);
    expect(unseal(keys.quarantine, sealed, sealContext(queueId, "m1"))).toEqual(Buffer.from(body));
  });

  it("is sealed with a nonce of its own", () => {
    const [one, two] = [entryOf(received("x")), entryOf(received("x"))];
    expect(one).not.toEqual(two);
  });

  it.each([
    ["another message", sealContext(queueId, "m2")],
    ["another queue", sealContext(`${queueId}2`, "m1")],
    ["a queue and a message cut elsewhere", sealContext(queueId.slice(0, -1), "sm1")],
  ])("cannot be opened as %s", (_what, context) => {
    const entry = rejected();
    const sealed = entry.kind === "rejection" ? entry.rejection.sealed.bytes : new Uint8Array();
    expect(() => unseal(keys.quarantine, sealed, context)).toThrow();
  });
});

it.each([
  ["body", `["fetch-etl/v1/quarantine","${queueId}","m1"]`],
  ["message", `["fetch-etl/v1/quarantine","${queueId}","m1","message"]`],
] as const)("a %s that an earlier version sealed can be opened: the context is the same", (what, context) => {
  expect(sealContext(queueId, "m1", what)).toBe(context);
});

it("a message with attributes is sealed with them, apart from messages without", () => {
  const attributes = { tenant: "acme" };
  const { rejection } = entries.reject({ ...received("x"), attributes }, ["y"]);
  const open = (what: "body" | "message"): Uint8Array =>
    unseal(keys.quarantine, rejection.sealed.bytes, sealContext(queueId, "m1", what));
  expect(JSON.parse(Buffer.from(open("message")).toString())).toEqual({ body: "x", attributes });
  expect(() => open("body")).toThrow();
});

it("the vault gets what is masked, sealed, by field and token", () => {
  const sealer = { seal: ({ value }: { value: Uint8Array }) => value };
  const [item] = loginEntries({ queueId, sealer }).items(received(login));
  if (item?.entry?.kind !== "row") throw new Error("a login is a row");
  const { cells, sealed } = item.entry;
  expect(sealed).toMatchObject([
    { field: "ip", type: "ip", token: cells[2] },
    { field: "device_id", type: "text", token: cells[3], sealed: Buffer.from(login.device_id) },
  ]);
});

it("a message can be turned away for a reason that the database gave", () => {
  expect(entries.reject(received(login, 7), ["row: refused by Postgres, SQLSTATE 22021"])).toMatchObject({
    messageId: "m1",
    sentAt: 7,
    rejection: { reasons: ["row: refused by Postgres, SQLSTATE 22021"] },
  });
});
