import { expect, it } from "vitest";
import type { Context } from "../../src/cli/context.ts";
import { createProgram } from "../../src/cli/program.ts";
import { Problems } from "../../src/config/readers.ts";

class Asked extends Error {}

it.each(["drain", "peek"])(
  "%s asks for a clean stop before a signal can come in between",
  async (command) => {
    let turned = false;
    const env = {
      DATABASE_URL: "postgres://u:p@localhost/d",
      FETCH_ETL_MASKING_KEY: Buffer.alloc(32).toString("base64"),
    };
    const told: boolean[] = [];
    const { command: program } = createProgram("0.0.0", () => {
      // Signals are handed out between the turns of the event loop.
      setImmediate(() => (turned = true));
      return Promise.resolve({
        env,
        outerEnv: env,
        versions: { fetchEtl: "0.0.0" },
        problems: new Problems(),
        clock: { now: () => 0 },
        epochNow: () => 0,
        log: { event: () => undefined },
        explain: () => ({ code: 1, sentence: "" }),
        catchSignals: () => {
          told.push(turned);
          throw new Asked();
        },
        // Only these are looked at before.
      } as unknown as Context);
    });
    await expect(program.parseAsync([command], { from: "user" })).rejects.toThrow(Asked);
    expect(told).toEqual([false]);
  },
);
