// What was loaded and not deleted, and then moved to the dead-letter queue: the same message there.
import { setTimeout } from "node:timers/promises";
import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench } from "../support/bench.ts";
import { sqsError, startProxy } from "../support/proxy.ts";

it("is known there, deleted and not loaded again, quarantined or not", () => {
  const policy = {
    deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:dead",
    maxReceiveCount: 1,
  };
  return withBench(
    async (bench) => {
      await bench.sqs.createQueue("dead");
      await bench.send(generateMessages(20));
      const proxy = await startProxy(bench.sqs.endpoint, ({ action }) =>
        action === "DeleteMessageBatch" ? sqsError("AccessDeniedException") : undefined,
      );
      try {
        const undeleted = await bench.run(["drain", "--json"], { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
        expect(undeleted.code).toBe(2);
      } finally {
        await proxy.stop();
      }
      await setTimeout(1_100);
      // The receive that is one too many moves them.
      expect(json(await bench.run(["drain", "--json"]))).toMatchObject({ received: 0 });
      expect(await bench.sqs.inspect("dead")).toMatchObject({ ready: 20 });

      const drained = await bench.run(["drain", "--queue", "dead", "--json"]);
      expect(json(drained)).toMatchObject({ loaded: 0, quarantined: 0, duplicates: 20, deleted: 20 });
      const [counts] = await bench.sql`
        select (select count(*)::int from user_logins) as rows, (select count(*)::int from fetch_etl.quarantine) as held`;
      expect(counts).toEqual({ rows: 19, held: 1 });
      expect(await bench.sqs.inspect("dead")).toMatchObject({ ready: 0, inflight: 0 });
    },
    { VisibilityTimeout: "1", RedrivePolicy: JSON.stringify(policy) },
  );
});
