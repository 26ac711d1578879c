import { expect, it } from "vitest";
import { createBodyOpener, type QuarantinedMessage } from "../../src/quarantine/message.ts";
import { sealContext } from "../../src/drain/entry.ts";
import { DRAIN_DEFAULTS } from "../../src/drain/settings.ts";
import { refused } from "../support/memory-loader.ts";
import {
  replay,
  type PassedRecord,
  type ReplayedMessage,
  type ReplayStore,
} from "../../src/quarantine/replay.ts";
import { deriveKeys } from "../../src/masking/keys.ts";
import { NONCE_BYTES, seal } from "../../src/masking/seal.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import { compile, faultOfDefault } from "../../src/mapping/compile.ts";
import { readMapping } from "../../src/mapping/file.ts";
import { loginRow } from "../support/login-entries.ts";

const [keys, earlier, lost] = [1, 2, 3].map((byte) => deriveKeys(Buffer.alloc(32, byte)));
if (!keys || !earlier || !lost) throw new Error("three keys");
const open = createBodyOpener([keys, earlier]);
const settings = {
  plan: compile(LOGIN, keys),
  keys,
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
    records: undefined,
    body: { keyId: key.keyId, bytes },
    quarantinedAt: Date.UTC(2024, 5, 6),
  } satisfies QuarantinedMessage;
}

/** Gives out pages of two, and refuses the users that are named. */
function storeOf(messages: readonly QuarantinedMessage[], names: readonly string[] = []) {
  const loaded: PassedRecord[] = [];
  const marked: ReplayedMessage[] = [];
  const store: ReplayStore = {
    page: (after) => {
      const from = after === undefined ? 0 : messages.indexOf(after) + 1;
      return Promise.resolve(messages.slice(from, from + 2));
    },
    load: (batch) => {
      if (batch.some((record) => names.includes(String(rowOf(record)["user_id"]))))
        return Promise.reject(refused("23514"));
      loaded.push(...batch);
      return Promise.resolve(batch.length);
    },
    mark: (batch) => {
      marked.push(...batch);
      return Promise.resolve();
    },
  };
  return { store, loaded, marked };
}

function rowOf({ entry }: PassedRecord): ReturnType<typeof loginRow> {
  return loginRow(entry.cells);
}

it("loads what passes, page after page, and leaves what does not", async () => {
  const messages = [
    held("a", body("a")),
    held("b", "{}"),
    held("c", body("c")),
    held("d", body("d")),
    held("e", "?"),
  ];
  const { store, loaded, marked } = storeOf(messages);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 3, rejected: 2, altered: [] });
  expect(loaded.map((record) => rowOf(record)["user_id"])).toEqual(["a", "c", "d"]);
  expect(marked).toEqual(
    [messages[0], messages[2], messages[3]].map((each) => ({ held: each, rejected: undefined })),
  );
});

it("goes on one by one where the database refuses a batch, and leaves what it refuses by itself", async () => {
  const messages = ["a", "b", "c", "d"].map((user) => held(user, body(user)));
  const { store, loaded, marked } = storeOf(messages, ["b", "d"]);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 2, rejected: 2 });
  expect(loaded.map((record) => rowOf(record)["user_id"])).toEqual(["a", "c"]);
  expect(marked.map(({ held: { messageId } }) => messageId)).toEqual(["a", "c"]);
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
  expect(loaded.map((record) => rowOf(record)["create_date"])).toEqual([createDate]);
});

it("opens what an earlier key sealed, and masks it with the first", async () => {
  const { store, loaded } = storeOf([held("a", body("a"), { key: earlier }), held("b", body("b"))]);
  expect(await replay(store, open, settings)).toMatchObject({ loaded: 2 });
  const [one, two] = loaded.map((record) => rowOf(record)["masked_ip"]);
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

const RECORDS = `
version: 1
table: public.items
records: items
when: { kind: item }
unmatched: skip
columns: { user_id: {}, size: { type: integer } }
`;

/** A message of several records in the quarantine, of which these were rejected. */
function heldRecords(
  messageId: string,
  items: readonly object[],
  records?: readonly number[],
): QuarantinedMessage {
  return {
    ...held(messageId, JSON.stringify({ items: items.map((each) => ({ kind: "item", ...each })) })),
    records,
  };
}

function recordSettings(mapping = RECORDS) {
  const read = readMapping(mapping, faultOfDefault);
  if ("mistakes" in read) throw new Error("no mapping");
  return { ...settings, plan: compile(read.mapping, settings.keys) };
}

const loadedRecords = (loaded: readonly PassedRecord[]): string[] =>
  loaded.map(
    ({ held: { messageId }, entry: { record, cells } }) => `${messageId} ${record} ${cells[0] ?? ""}`,
  );

it("loads the rejected records of a message, not those that were loaded, and keeps the rest with its reasons", async () => {
  const items = [
    { user_id: "a", size: "x" },
    { user_id: "b", size: "x" },
    { user_id: "c", size: 3 },
    { user_id: "d", size: 4 },
  ];
  const messages = [
    heldRecords("some", items, [1, 2, 3]),
    heldRecords("all", items.slice(2), [0, 1]),
    heldRecords("whole", items.slice(1)),
    heldRecords("none", items.slice(0, 1), [0]),
    { ...held("broken", "{}"), records: [0] },
  ];
  const { store, loaded, marked } = storeOf(messages, ["d"]);
  expect(await replay(store, open, recordSettings())).toMatchObject({ loaded: 3, rejected: 5 });
  expect(loadedRecords(loaded)).toEqual(["some 2 c", "all 0 c", "whole 1 c"]);
  const refusedReason = "row: refused by Postgres, SQLSTATE 23514";
  expect(marked).toEqual([
    {
      held: messages[0],
      rejected: { records: [1, 3], reasons: ["record 1: size: not a number", `record 3: ${refusedReason}`] },
    },
    { held: messages[1], rejected: { records: [1], reasons: [`record 1: ${refusedReason}`] } },
    {
      held: messages[2],
      rejected: { records: [0, 2], reasons: ["record 0: size: not a number", `record 2: ${refusedReason}`] },
    },
  ]);
});

const IN_PART = { records: [1], reasons: ["record 1: missing"] };

it.each([
  ["a list that is shorter", RECORDS, IN_PART],
  [
    "no list",
    "{ version: 1, table: public.items, columns: { user_id: { from: items.0.user_id } } }",
    IN_PART,
  ],
  ["no list, and other columns", "{ version: 1, table: public.items, columns: { name: {} } }", undefined],
])("keeps records that the mapping does not find: it has %s", async (_what, mapping, rejected) => {
  const items = [{ user_id: "a", size: 1 }];
  const messages = [heldRecords("first and second", items, [0, 1]), heldRecords("second", items, [1])];
  const { store, loaded, marked } = storeOf(messages);
  expect(await replay(store, open, recordSettings(mapping))).toMatchObject({ rejected: 2 });
  expect(loadedRecords(loaded)).toEqual(rejected === undefined ? [] : ["first and second 0 a"]);
  expect(marked).toEqual(rejected === undefined ? [] : [{ held: messages[0], rejected }]);
});

it("marks a message as replayed whose records are all skipped now", async () => {
  const messages = [
    held("empty", '{"items": []}'),
    { ...held("skipped", '{"items": [{}, {}]}'), records: [1] },
  ];
  const { store, loaded, marked } = storeOf(messages);
  expect(await replay(store, open, recordSettings())).toMatchObject({ loaded: 0, skipped: 2, rejected: 0 });
  expect(loaded).toEqual([]);
  expect(marked).toEqual(messages.map((each) => ({ held: each, rejected: undefined })));
});

it("writes messages of many records in statements of the size of a drain's", async () => {
  const many = Array.from({ length: 1200 }, (_, index) => ({ user_id: `u${index}`, size: index }));
  const messages = ["a", "b"].map((id) => heldRecords(id, many));
  const { store, loaded, marked } = storeOf(messages);
  const sizes: number[] = [];
  const load: ReplayStore["load"] = (records) => {
    sizes.push(records.length);
    return store.load(records);
  };
  expect(await replay({ ...store, load }, open, recordSettings())).toMatchObject({
    loaded: 2400,
    rejected: 0,
  });
  expect(sizes).toEqual(Array.from({ length: 8 }, () => DRAIN_DEFAULTS.batchSize));
  expect(loaded).toHaveLength(2400);
  expect(marked.map(({ held: { messageId } }) => messageId)).toEqual(["a", "b"]);
});

it("ends a statement with the record that brings it to 2 MiB", async () => {
  const large = Array.from({ length: 5 }, () => ({ user_id: "x".repeat(1024 * 1024), size: "" }));
  const { store } = storeOf([heldRecords("a", large)]);
  const sizes: number[] = [];
  const load: ReplayStore["load"] = (records) => {
    sizes.push(records.length);
    return store.load(records);
  };
  const mapping = RECORDS.replace("size: { type: integer }", "size: {}");
  expect(await replay({ ...store, load }, open, recordSettings(mapping))).toMatchObject({ loaded: 5 });
  expect(sizes).toEqual([2, 2, 1]);
});

it("changes nothing in the quarantine where every message stays as it is", async () => {
  const { store } = storeOf([held("a", "{}")]);
  let calls = 0;
  const mark: ReplayStore["mark"] = () => {
    calls += 1;
    return Promise.resolve();
  };
  expect(await replay({ ...store, mark }, open, settings)).toMatchObject({ rejected: 1 });
  expect(calls).toBe(0);
});

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, index) => (index === 20 ? byte ^ 1 : byte));
}
