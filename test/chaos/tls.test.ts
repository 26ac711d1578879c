// SQS over TLS, directly and through a company's proxy, on a bad day.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createAuthority } from "../support/authority.ts";
import { withBench } from "../support/bench.ts";
import { withFolder } from "../support/folder.ts";
import { withForwardProxy } from "../support/forward-proxy.ts";
import { sqsError, startProxy, type Call, type Fault } from "../support/proxy.ts";
import { ended, expectEachOnce, makeMessages, times } from "./invariant.ts";

/** With few receives at once, because all that are under way when direct calls begin are the SDK's. */
const limits = ["drain", "--json", "--concurrency", "4", "--max-messages"];
const VISIBILITY_TIMEOUT = 3;
const EVERY = 9;

/** Each kind of fault in turn, and many good answers between two of them. */
const faults: readonly Fault[] = [
  { kind: "dropped" },
  { kind: "answer cut" },
  sqsError("ServiceUnavailable", 503),
  sqsError("RequestThrottled", 403),
  { kind: "answer lost" },
];

it("connections that break, answers that are cut and throttling over TLS lose and double nothing", () =>
  withFolder((folder) =>
    withBench(
      async (bench) => {
        const authority = await createAuthority("the authority of a test");
        const authorities = join(folder, "authorities.pem");
        await writeFile(authorities, authority.certificate);
        const sent = makeMessages(times(5_000, 600));
        await bench.send(sent.bodies);
        const calls = { direct: 0, faults: 0 };
        const play = ({ bySdk }: Call): Fault | undefined => {
          // Only the calls that the SDK repeats: its own attempts are tested elsewhere.
          if (bySdk) return undefined;
          calls.direct += 1;
          if (calls.direct % EVERY !== 0) return undefined;
          calls.faults += 1;
          return faults[calls.faults % faults.length];
        };
        const tls = await startProxy(bench.sqs.endpoint, play, await authority.issue("localhost"));
        try {
          await withForwardProxy(undefined, async (proxy) => {
            const drain = (env: Record<string, string>) =>
              ended(
                bench,
                sent,
                bench.start([...limits, String(Math.floor(sent.bodies.length / 2))], {
                  AWS_ENDPOINT_URL_SQS: tls.endpoint,
                  NODE_EXTRA_CA_CERTS: authorities,
                  ...env,
                }).outcome,
              );
            for (const env of [{}, { HTTPS_PROXY: proxy.url }]) {
              const before = { ...calls };
              const { code, stderr } = await drain(env);
              expect({ code, stderr }).toMatchObject({ code: 0 });
              expect(calls.direct - before.direct).toBeGreaterThan(EVERY);
              expect(calls.faults).toBeGreaterThan(before.faults);
            }
            expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${new URL(tls.endpoint).host}`]));
            // The connections are kept.
            expect(proxy.asked.length).toBeLessThan(calls.direct);
          });
        } finally {
          await tls.stop();
        }
        await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
      },
      { VisibilityTimeout: String(VISIBILITY_TIMEOUT) },
    ),
  ));
