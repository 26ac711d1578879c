// What a drain says of records that its mapping skips, and of values that it stores as NULL.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { json, withBench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";

const MAPPING = `
version: 1
table: public.orders
when: { kind: order }
unmatched: skip
columns:
  id: {}
  amount: { type: integer, invalid: set_null }
`;

it("counts skipped records and values stored as NULL, and warns where everything was skipped", () =>
  withBench((bench) =>
    withFolder(async (folder) => {
      const file = join(folder, "orders.yaml");
      const metrics = join(folder, "run.prom");
      await writeFile(file, MAPPING);
      const drain = (...flags: string[]) => bench.run(["drain", "--mapping", file, ...flags]);
      const visit = JSON.stringify({ kind: "visit" });
      await bench.send([visit, visit]);
      const dry = await drain("--dry-run");
      expect(dry.stdout).toContain("dry run: would load 0 and skip 2 unmatched of 2 messages;");
      const skipped = await drain("--json");
      expect(json(skipped)).toMatchObject({
        ...{ table: "public.orders", received: 2, loaded: 0, skipped: 2, deleted: 2, invalid: {} },
      });
      for (const { stderr } of [dry, skipped])
        expect(stderr).toContain("warning: The mapping skipped everything that was received (2). ");
      await bench.send([visit, JSON.stringify({ kind: "order", id: "o-1", amount: "many" })]);
      const { stdout, stderr } = await drain("--metrics", metrics);
      expect(stdout).toContain(
        "loaded 1 of 2 messages, 1 skipped, 1 value stored as NULL (amount 1), 2 deleted;",
      );
      expect(stderr).toBe("");
      expect(await bench.sql`select * from public.orders`).toEqual([{ id: "o-1", amount: null }]);
      const verified = json(await bench.run(["verify", "--mapping", file, "--json"]));
      expect(verified).toMatchObject({ rows: 1, columns: { amount: { nulls: 1, min: null, max: null } } });
    }),
  ));
