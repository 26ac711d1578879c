// What a drain's metrics say of the quarantine.
import { expect, it } from "vitest";
import { openLoader } from "../../src/postgres/load.ts";
import { grant, grantUsage, rightsFor } from "../../src/postgres/rights.ts";
import { openDatabases } from "../support/databases.ts";
import { rejection } from "./entries.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:logins";

it("counts the messages of the queue that wait, by reason, and is unknown to a role that may not read them", async () => {
  const databases = await openDatabases();
  const database = await databases.make();
  const { settings, sql } = database;
  const loader = await openLoader(settings, QUEUE);
  const other = await openLoader(settings, "arn:aws:sqs:us-east-1:000000000000:orders");
  try {
    expect(await loader.heldReasons()).toEqual([]);
    const rejected = (messageId: string, reasons: string[]) => {
      const entry = rejection(messageId);
      return { ...entry, rejection: { ...entry.rejection, reasons } };
    };
    await loader.load([
      rejected("a", ["ip: missing", "user_id: missing"]),
      rejected("b", ["record 0: ip: missing", "record 3: ip: missing"]),
      rejected("c", ["locale: missing"]),
    ]);
    await other.load([rejected("d", ["ip: missing"])]);
    await sql`update fetch_etl.quarantine set replayed_at = now() where message_id = 'c'`;
    expect(await loader.heldReasons()).toEqual([
      { reason: "ip: missing", count: 2 },
      { reason: "user_id: missing", count: 1 },
    ]);
    const grants = ["public", "fetch_etl"].map((schema) => grantUsage(schema, "somebody"));
    const rights = rightsFor(settings.table, false).map((right) => grant(right, "somebody"));
    const poor = await openLoader(
      await databases.otherRole(database, [...grants, ...rights].join(" ")),
      QUEUE,
    );
    try {
      expect(await poor.heldReasons()).toBeUndefined();
      expect(await poor.load([rejected("e", ["ip: missing"])])).toMatchObject({ quarantined: 1 });
    } finally {
      await poor.close();
    }
  } finally {
    await Promise.all([loader.close(), other.close()]);
    await databases.dispose();
  }
});
