import { expect, it } from "vitest";
import { createBodyOpener, type QuarantinedMessage } from "../../src/quarantine/message.ts";
import { sealContext } from "../../src/drain/entry.ts";
import { refused } from "../support/memory-loader.ts";
import { replay, type PassedMessage, type ReplayStore } from "../../src/quarantine/replay.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { NONCE_BYTES, seal } from "../../src/masking/seal.ts";

const [keys, earlier, lost] = [1, 2, 3].map((byte) => deriveKeys(Buffer.alloc(32, byte)));
if (!keys || !earlier || !lost) throw new Error("three keys");
const open = createBodyOpener([keys, earlier]);
const settings = {
  keys,
  appVersion: "full" as const,
  randomBytes: (length: number) => Buffer.alloc(length, 7),
};

function body(user: string, more: object = {}): string {
  const login = { app_version: "2.3", device_type: "ios", ip: "192.0.2.1", locale: null, device_id: "d-1" };
  return JSON.stringify({ user_id: user, ...login, ...more });
}

function held(messageId: string, text: string, { key = keys, sentAt = Date.UTC(2024, 0, 2) } = {}) {
  if (!key) throw new Error("no key");
  const bytes = seal(
    key.quarantine,
    Buffer.from(text),
    sealContext("q", messageId),
    Buffer.alloc(NONCE_BYTES),
  );
  return {
    queue: "q",
    messageId,
    sentAt,
    storedSentAt: "",
    reasons: ["x"],
    body: { keyId: key.keyId, bytes },
    quarantinedAt: Date.UTC(2024, 5, 6),
  } satisfies QuarantinedMessage;
}

/** Gives out pages of two, and refuses the users that are named. */
function storeOf(messages: readonly QuarantinedMessage[], names: readonly string[] = []) {
  const loaded: PassedMessage[] = [];
  const store: ReplayStore = {
    page: (after) => {
      const from = after === undefined ? 0 : messages.indexOf(after) + 1;
      return Promise.resolve(messages.slice(from, from + 2));
    },
    load: (batch) => {
      if (batch.some(({ row }) => names.includes(row.user_id))) return Promise.reject(refused("23514"));
      loaded.push(...batch);
      return Promise.resolve(batch.length);
    },
  };
  return { store, loaded };
}

it("loads what passes, page after page, and leaves what does not", async () => {
  const messages = [
    held("a", body("a")),
    held("b", "{}"),
    held("c", body("c")),
    held("d", body("d")),
    held("e", "?"),
  ];
  const { store, loaded } = storeOf(messages);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 3, rejected: 2, altered: [] });
  expect(loaded.map(({ row }) => row.user_id)).toEqual(["a", "c", "d"]);
});

it("goes on one by one where the database refuses a batch, and leaves what it refuses by itself", async () => {
  const messages = ["a", "b", "c", "d"].map((user) => held(user, body(user)));
  const { store, loaded } = storeOf(messages, ["b", "d"]);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 2, rejected: 2 });
  expect(loaded.map(({ row }) => row.user_id)).toEqual(["a", "c"]);
});

it("passes any other error on", async () => {
  const { store } = storeOf([held("a", body("a"))]);
  const broken = { ...store, load: () => Promise.reject(new Error("gone")) };
  await expect(replay(broken, open, settings)).rejects.toThrow("gone");
});

it.each([
  ["its own date", body("a", { create_date: "2001-02-03" }), Date.UTC(2024, 0, 2), "2001-02-03"],
  ["the day on which SQS took it", body("a"), Date.UTC(2024, 0, 2), "2024-01-02"],
  ["the day on which it was quarantined, where nobody knows", body("a"), undefined, "2024-06-06"],
])("dates a row by %s", async (_what, text, sentAt, createDate) => {
  const { store, loaded } = storeOf([{ ...held("a", text), sentAt }]);
  await replay(store, open, settings);
  expect(loaded.map(({ row }) => row.create_date)).toEqual([createDate]);
});

it("opens what an earlier key sealed, and masks it with the first", async () => {
  const { store, loaded } = storeOf([held("a", body("a"), { key: earlier }), held("b", body("b"))]);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 2 });
  const [one, two] = loaded.map(({ row }) => row.masked_ip);
  expect(one).toMatch(`h1.${keys.keyId}.`);
  expect(one).toBe(two);
});

it("counts what was sealed under a key that is not at hand, and names the key", async () => {
  const { store, loaded } = storeOf(["a", "b"].map((id) => held(id, body(id), { key: lost })));
  const report = await replay(store, open, settings);
  expect(report).toMatchObject({ loaded: 0, rejected: 0 });
  expect([...report.missingKeys]).toEqual([[lost.keyId, 2]]);
  expect(loaded).toEqual([]);
});

it.each<[string, (message: QuarantinedMessage) => QuarantinedMessage]>([
  ["a byte", (message) => ({ ...message, body: { ...message.body, bytes: flipped(message.body.bytes) } })],
  [
    "all but nothing left",
    (message) => ({ ...message, body: { ...message.body, bytes: new Uint8Array(3) } }),
  ],
  ["its queue", (message) => ({ ...message, queue: "other" })],
  ["its id", (message) => ({ ...message, messageId: "other" })],
  ["its key", (message) => ({ ...message, body: { ...message.body, keyId: earlier.keyId } })],
])("does not load what was altered: %s", async (_what, alter) => {
  const altered = alter(held("a", body("a")));
  const { store, loaded } = storeOf([altered]);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 0, altered: [altered.messageId] });
  expect(loaded).toEqual([]);
});

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte));
}
