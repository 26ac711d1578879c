// SQS over TLS, directly and through a company's proxy, on a bad day.
import { expect, it } from "vitest";
import { withBench } from "../support/bench.ts";
import { withForwardProxy } from "../support/forward-proxy.ts";
import { sqsError, type Call, type Fault } from "../support/proxy.ts";
import { withSqsOverTls, type TlsEnvironment } from "../support/tls.ts";
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
  withBench(
    async (bench) => {
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
      const drainBothWays = (tls: TlsEnvironment): Promise<void> =>
        withForwardProxy(undefined, async (proxy) => {
          for (const env of [{}, { HTTPS_PROXY: proxy.url }]) {
            const before = { ...calls };
            const half = String(Math.floor(sent.bodies.length / 2));
            const running = bench.start([...limits, half], { ...tls, ...env });
            const { code, stderr } = await ended(bench, sent, running.outcome);
            expect({ code, stderr }).toMatchObject({ code: 0 });
            expect(calls.direct - before.direct).toBeGreaterThan(EVERY);
            expect(calls.faults).toBeGreaterThan(before.faults);
          }
          const host = new URL(tls.AWS_ENDPOINT_URL_SQS).host;
          expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${host}`]));
          // The connections are kept.
          expect(proxy.asked.length).toBeLessThan(calls.direct);
        });
      await withSqsOverTls(bench.sqs.endpoint, drainBothWays, play);
      await expectEachOnce(bench, sent, VISIBILITY_TIMEOUT);
    },
    { VisibilityTimeout: String(VISIBILITY_TIMEOUT) },
  ));
