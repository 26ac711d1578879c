// The policies allow what the commands really call, and nothing else.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generateMessages } from "../../sandbox/messages.ts";
import { withBench } from "../support/bench.ts";
import { startProxy } from "../support/proxy.ts";
import { actionOf, actionsOf, actionsOfCode } from "./aws-calls.ts";
import { IAM, queueActions, readPolicy, viaService, type Statement } from "./policy.ts";

/** The rights that these runs ask for, one after another, each on a queue that holds messages. */
function rightsOf(...runs: readonly (readonly string[])[]): Promise<ReadonlySet<string>> {
  return withBench(async (bench) => {
    const rights = new Set<string>();
    const proxy = await startProxy(bench.sqs.endpoint, ({ action }) => {
      rights.add(actionOf("sqs", action));
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
  ["status", "verify.json", [["init"], ["status"]]],
] as const)("%s", (_command, file, runs) => {
  it(`calls all that deploy/iam/${file} allows on the queue, and nothing else`, async () => {
    expect(await rightsOf(...runs)).toEqual(new Set(queueActions(readPolicy(file))));
  });
});

const files = readdirSync(IAM);
const statements = files.flatMap((file) => readPolicy(file).Statement);
const code = await actionsOfCode();

describe("the code", () => {
  it("makes no call that drain.json does not allow, in whatever case", () => {
    const calls = [...code].filter((action) => action.startsWith("sqs:"));
    expect(new Set(calls)).toEqual(new Set(queueActions(readPolicy("drain.json"))));
  });

  it("makes every call that a policy allows, and no other", () => {
    // SQS, Secrets Manager and Parameter Store decrypt on behalf of their caller. The code itself makes no such call.
    const own = statements
      .filter((each) => viaService(each) === undefined)
      .flatMap(({ Action: actions }) => actions);
    expect(new Set(own)).toEqual(code);
  });
});

describe("the search for calls", () => {
  const sqs = `from "@aws-sdk/client-sqs";`;

  it.each([
    ["a command", `import { SQSClient, ListQueuesCommand } ${sqs} client.send(new ListQueuesCommand({}))`],
    ["a command by another name", `import { ListQueuesCommand as List } ${sqs} client.send(new List({}))`],
    ["a command of a module", `import * as sdk ${sqs} client.send(new sdk.ListQueuesCommand({}))`],
    [
      "a module that is loaded when needed",
      `const { ListQueuesCommand } = await import("@aws-sdk/client-sqs");`,
    ],
    ["a call by its name", `import { SQSClient } ${sqs} direct("ListQueuesCommand", {})`],
  ])("finds %s", async (_what, source) => {
    expect(await actionsOf(source)).toEqual(["sqs:ListQueues"]);
  });

  it("finds the action for one message if a batch is sent", async () => {
    const source = `import {\n  DeleteMessageBatchCommand,\n} ${sqs}`;
    expect(await actionsOf(source)).toEqual(["sqs:DeleteMessage"]);
  });

  it("finds the action for a login if a token is signed", async () => {
    expect(await actionsOf(`const { Signer } = await import("@aws-sdk/rds-signer");`)).toEqual([
      "rds-db:connect",
    ]);
  });

  it("does not count a type as a call", async () => {
    expect(await actionsOf(`import type { ListQueuesCommand } ${sqs}`)).toEqual([]);
  });

  it.each([
    [
      "calls that it cannot see",
      `import { SQS } ${sqs} await new SQS({}).listQueues({})`,
      "SQS of @aws-sdk/client-sqs",
    ],
    [
      "a paginator",
      `import { paginateListQueues } ${sqs} paginateListQueues({}, {})`,
      "paginateListQueues of",
    ],
    [
      "a service that it does not know",
      `import { STSClient } from "@aws-sdk/client-sts";`,
      "actions of @aws-sdk/client-sts",
    ],
  ])("refuses %s", async (_what, source, message) => {
    await expect(actionsOf(source)).rejects.toThrow(message);
  });
});

/** By service, the one resource that a policy names. */
const RESOURCES: Readonly<Record<string, string>> = {
  sqs: "arn:aws:sqs:REGION:ACCOUNT_ID:QUEUE_NAME",
  secretsmanager: "arn:aws:secretsmanager:REGION:ACCOUNT_ID:secret:SECRET_NAME-SUFFIX",
  ssm: "arn:aws:ssm:REGION:ACCOUNT_ID:parameter/PARAMETER_NAME",
  kms: "arn:aws:kms:REGION:ACCOUNT_ID:key/KMS_KEY_ID",
  "rds-db": "arn:aws:rds-db:REGION:ACCOUNT_ID:dbuser:DB_RESOURCE_ID/DB_USER",
};

function serviceOf(actions: readonly string[]): string {
  const [service = "", ...others] = new Set(actions.map((action) => action.split(":")[0]));
  expect(others).toEqual([]);
  return service;
}

describe.each(files)("%s", (file) => {
  const { Version: version, Statement: own } = readPolicy(file);
  const ofResource = file === "queue-policy.json" || file === "queue-key-policy.json";

  it("names each action, and one resource", () => {
    expect(version).toBe("2012-10-17");
    for (const { Effect: effect, Principal: principal, Action: actions, Resource: resource } of own) {
      expect(effect).toBe("Allow");
      expect(actions.join()).not.toContain("*");
      // In a key policy, the star means that key (AWS, "Key policies in AWS KMS").
      if (file === "queue-key-policy.json") expect(resource).toBe("*");
      else expect(resource).toMatch(new RegExp(`^(${RESOURCES[serviceOf(actions)] ?? ""})$`));
      expect(principal).toEqual(
        ofResource ? { AWS: "arn:aws:iam::CONSUMER_ACCOUNT:role/ROLE_NAME" } : undefined,
      );
    }
  });

  it("limits the use of a KMS key to the service that the policy is for, or to the masking key", () => {
    const others = new Set(
      own.map(({ Action: actions }) => serviceOf(actions)).filter((each) => each !== "kms"),
    );
    const [host] = others.size === 0 && ofResource ? ["sqs"] : others;
    for (const { Action: actions, Condition: condition } of own) {
      if (serviceOf(actions) !== "kms") continue;
      expect(condition).toEqual({
        StringEquals:
          host === undefined
            ? { "kms:EncryptionContext:fetch-etl": "masking-key" }
            : { "kms:ViaService": `${host}.REGION.amazonaws.com` },
      });
    }
  });

  it("is listed in docs/permissions.md", () => {
    const page = readFileSync(new URL("../../docs/permissions.md", import.meta.url), "utf8");
    expect(page).toContain(`](../deploy/iam/${file})`);
  });
});

it("each policy that allows receives allows kms:Decrypt, only through SQS", () => {
  const decrypts = (each: Statement): boolean => viaService(each)?.startsWith("sqs.") ?? false;
  for (const file of ["drain.json", "peek.json", "verify.json"]) {
    const policy = readPolicy(file);
    const receives = queueActions(policy).includes("sqs:ReceiveMessage");
    expect(policy.Statement.filter(decrypts).map(({ Action: actions }) => actions)).toEqual(
      receives ? [["kms:Decrypt"]] : [],
    );
  }
});

it("a role in another account may do the same with the queue and its key as a role in the same account", () => {
  const granted = ["queue-policy.json", "queue-key-policy.json"].flatMap(
    (file) => readPolicy(file).Statement,
  );
  const rights = ({ Action: actions, Condition: condition }: Statement): object => ({ actions, condition });
  expect(granted.map(rights)).toEqual(readPolicy("drain.json").Statement.map(rights));
});
