// The policies allow what the commands really call, and nothing else.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { withBench } from "../support/bench.ts";
import { startProxy } from "../support/proxy.ts";
import { IAM, queueActions, readPolicy } from "./policy.ts";

/** A batch is allowed by the right for one (AWS, AddPermission: "also grants permissions for the corresponding batch versions"). */
function rightFor(action: string): string {
  return `sqs:${action.replace(/Batch$/, "")}`;
}

/** The rights that these runs ask for, one after another, each on a queue that holds messages. */
function rightsOf(...runs: readonly (readonly string[])[]): Promise<ReadonlySet<string>> {
  return withBench(async (bench) => {
    const rights = new Set<string>();
    const proxy = await startProxy(bench.sqs.endpoint, ({ action }) => {
      rights.add(rightFor(action));
      return undefined;
    });
    try {
      for (const run of runs) {
        await bench.send(generateMessages(20));
        const { code, stderr } = await bench.run(run, { AWS_ENDPOINT_URL_SQS: proxy.endpoint });
        expect({ run, code, stderr }).toMatchObject({ code: 0 });
      }
    } finally {
      await proxy.stop();
    }
    return rights;
  });
}

describe.each([
  // A dry run gives its messages back, as a drain does with what it holds when it is stopped.
  ["drain", "drain.json", [["drain", "--dry-run"], ["drain"]]],
  ["doctor", "drain.json", [["doctor"]]],
  ["peek", "peek.json", [["peek"]]],
  ["verify", "verify.json", [["init"], ["verify"]]],
] as const)("%s", (_command, file, runs) => {
  it(`calls all that deploy/iam/${file} allows on the queue, and nothing else`, async () => {
    expect(await rightsOf(...runs)).toEqual(new Set(queueActions(readPolicy(file))));
  });
});

describe("the adapter of SQS", () => {
  it("makes no call that drain.json does not allow, in whatever case", () => {
    const folder = new URL("../../src/sqs/", import.meta.url);
    const calls = readdirSync(folder).flatMap((name) => [
      ...readFileSync(new URL(name, folder), "utf8").matchAll(/new (\w+)Command\(/g),
    ]);
    expect(calls.length).toBeGreaterThan(0);
    expect(new Set(calls.map(([, action = ""]) => rightFor(action)))).toEqual(
      new Set(queueActions(readPolicy("drain.json"))),
    );
  });
});

describe.each(readdirSync(IAM))("%s", (file) => {
  const { Version: version, Statement: statements } = readPolicy(file);

  it("allows by name, on one queue and one key", () => {
    expect(version).toBe("2012-10-17");
    for (const { Effect: effect, Action: actions, Resource: resource } of statements) {
      expect(effect).toBe("Allow");
      expect([...actions, resource].join()).not.toContain("*");
      expect(resource).toMatch(
        /^arn:aws:(sqs:REGION:ACCOUNT_ID:QUEUE_NAME|kms:REGION:ACCOUNT_ID:key\/KMS_KEY_ID)$/,
      );
    }
  });

  it("lets who receives decrypt, by way of SQS alone", () => {
    const receives = queueActions({ Version: version, Statement: statements }).includes("sqs:ReceiveMessage");
    const onKeys = statements.filter(({ Resource: resource }) => resource.startsWith("arn:aws:kms:"));
    expect(onKeys).toEqual(
      receives
        ? [
            expect.objectContaining({
              Action: ["kms:Decrypt"],
              Condition: { StringEquals: { "kms:ViaService": "sqs.REGION.amazonaws.com" } },
            }),
          ]
        : [],
    );
  });
});
