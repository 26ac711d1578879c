import { expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { json, withBench, type Bench } from "../support/bench.ts";

const arn = ({ queue }: Bench, region = "us-east-1") => `arn:aws:sqs:${region}:000000000000:${queue}`;

it("drains a queue that is given by its ARN, in the ARN's region", () =>
  withBench(async (bench) => {
    await bench.send(generateMessages(20));
    const drained = await bench.run(["drain", "--json", "--queue", arn(bench)], { AWS_REGION: "eu-west-1" });
    expect(drained.code).toBe(0);
    expect(json(drained)).toMatchObject({ queue: bench.queue, received: 20, deleted: 20 });
  }));

it("does not find a queue of another region by its ARN, and says what to look at", () =>
  withBench(async (bench) => {
    const { code, stderr } = await bench.run(["peek"], { FETCH_ETL_QUEUE: arn(bench, "eu-west-1") });
    expect(code).toBe(2);
    expect(stderr).toContain("The policy of a queue in another account must allow sqs:GetQueueUrl.");
  }));

it("tells a region that contradicts the ARN together with other mistakes, before anything is asked for", () =>
  withBench(async (bench) => {
    const flags = ["--queue", arn(bench), "--region", "eu-west-1", "--batch-size", "0"];
    const { code, stderr } = await bench.run(["drain", ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      "--region / FETCH_ETL_REGION is not us-east-1, the region of the ARN in --queue / FETCH_ETL_QUEUE",
    );
    expect(stderr).toContain("--batch-size / FETCH_ETL_BATCH_SIZE takes a whole number");
  }));

it("is looked at by doctor, which tells the contradiction too", () =>
  withBench(async (bench) => {
    const env = { FETCH_ETL_QUEUE: arn(bench), AWS_REGION: "eu-west-1" };
    const found = await bench.run(["doctor"], env);
    expect(found).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${bench.queue} at ${bench.sqs.endpoint}`),
    });
    const contradicted = await bench.run(["doctor", "--region", "eu-west-1"], env);
    expect(contradicted).toMatchObject({
      code: 2,
      stdout: expect.stringContaining("--region / FETCH_ETL_REGION is not us-east-1"),
    });
  }));
