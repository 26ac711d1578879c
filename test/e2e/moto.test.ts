// Secrets in AWS, tested against moto: `npm run test:aws` sets MOTO_SERVER to its program.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CreateKeyCommand, EncryptCommand, KMSClient } from "@aws-sdk/client-kms";
import {
  CreateSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { generateLogins } from "../../sandbox/messages.ts";
import { freePort, LOOPBACK } from "../../sandbox/ports.ts";
import { startCli, withBench, type Bench, type Outcome } from "../support/bench.ts";
import type { Env } from "../support/command-line.ts";
import { withFolder } from "../support/folder.ts";
import { withIdentity } from "../support/identities.ts";

const PROGRAM = process.env["MOTO_SERVER"];
const REGION = "us-east-1";
const START_MS = 30_000;

describe.skipIf(PROGRAM === undefined)("moto", () => {
  let server: ChildProcess | undefined;
  let endpoint = "";

  beforeAll(async () => {
    const port = await freePort();
    endpoint = `http://${LOOPBACK}:${port}`;
    server = spawn(PROGRAM ?? "", ["--host", LOOPBACK, "--port", String(port)], { stdio: "ignore" });
    await vi.waitFor(() => fetch(`${endpoint}/moto-api/`), { timeout: START_MS, interval: 100 });
  }, START_MS);

  afterAll(async () => {
    if (server === undefined) return;
    const ended = once(server, "exit");
    server.kill();
    await ended;
  });

  const config = () => ({
    endpoint,
    region: REGION,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const createKey = async (): Promise<string> => {
    const { KeyMetadata } = await new KMSClient(config()).send(new CreateKeyCommand({}));
    return KeyMetadata?.KeyId ?? "";
  };
  const createParameter = async (Name: string, Value: string): Promise<string> => {
    await new SSMClient(config()).send(new PutParameterCommand({ Name, Value, Type: "SecureString" }));
    return `arn:aws:ssm:${REGION}:123456789012:parameter${Name}`;
  };
  const encrypt = async (KeyId: string, purpose: string, text: string): Promise<string> => {
    const command = new EncryptCommand({
      KeyId,
      Plaintext: Buffer.from(text),
      EncryptionContext: { "fetch-etl": purpose },
    });
    const { CiphertextBlob = new Uint8Array() } = await new KMSClient(config()).send(command);
    return `kms:${Buffer.from(CiphertextBlob).toString("base64")}`;
  };

  /** The variables for moto alone, without a secret in any of them. */
  const envOf = ({ queue }: Bench): Env => ({
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    FETCH_ETL_QUEUE: queue,
  });
  const sendLogins = async ({ queue }: Bench, count: number): Promise<void> => {
    const sqs = new SQSClient(config());
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: queue }));
    const Entries = generateLogins(count).map((login, index) => ({
      Id: String(index),
      MessageBody: JSON.stringify(login),
    }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  };
  const run = (args: readonly string[], env: Env): Promise<Outcome> => startCli(args, env).outcome;

  it("drains with RDS's secret and a masking key in a parameter, also after the secret has rotated", () =>
    withBench(async (bench) => {
      const role = `${bench.queue}_role`;
      await bench.sql.unsafe(`create role ${role} superuser login password 'first'`);
      const { hostname, port, pathname } = new URL(bench.databaseUrl);
      const secret = (password: string): string =>
        JSON.stringify({
          ...{ engine: "postgres", host: hostname, port: Number(port), dbname: pathname.slice(1) },
          ...{ username: role, password },
        });
      const secrets = new SecretsManagerClient(config());
      const name = `rds!db-${bench.queue}`;
      const { ARN = "" } = await secrets.send(
        new CreateSecretCommand({ Name: name, SecretString: secret("first") }),
      );
      const key = await createParameter(`/${bench.queue}/key`, bench.env["FETCH_ETL_MASKING_KEY"] ?? "");
      const env = { ...envOf(bench), DATABASE_URL: ARN, FETCH_ETL_MASKING_KEY: key };
      await sendLogins(bench, 5);
      expect(await run(["drain", "--quiet"], env)).toEqual({ code: 0, stdout: "", stderr: "" });
      expect((await bench.sql`select from user_logins`).length).toBe(5);

      await bench.sql.unsafe(`alter role ${role} password 'second'`);
      await sendLogins(bench, 5);
      const stale = await run(["drain"], env);
      expect(stale).toMatchObject({ code: 2, stderr: expect.stringContaining("28P01") });
      await secrets.send(new UpdateSecretCommand({ SecretId: name, SecretString: secret("second") }));
      // An ARN without the random characters at its end.
      const partial = { ...env, DATABASE_URL: ARN.replace(/-\w{6}$/, "") };
      expect(await run(["drain", "--quiet"], partial)).toEqual({ code: 0, stdout: "", stderr: "" });
      expect((await bench.sql`select from user_logins`).length).toBe(10);

      const field = {
        ...env,
        DATABASE_URL: undefined,
        PGHOST: hostname,
        PGPORT: port,
        PGDATABASE: pathname.slice(1),
      };
      const verified = await run(["verify", "--expect", "10", "--quiet"], {
        ...field,
        PGUSER: role,
        PGPASSWORD: `${ARN}#password`,
      });
      expect(verified).toEqual({ code: 0, stdout: "", stderr: "" });
      const doctor = await run(["doctor"], { ...field, PGPASSWORD: ARN });
      expect(doctor.stdout).toContain(
        `PGPASSWORD: the secret "${ARN.split(":").at(-1) ?? ""}" in PGPASSWORD`,
      );
      expect(doctor.stdout).toMatch(/✔ database /);
    }));

  it("keygen, drain, reveal and rotate accept what KMS encrypted, for its purpose only", () =>
    withBench((bench) =>
      withIdentity((identity) =>
        withFolder(async (folder) => {
          const keyId = await createKey();
          const env = {
            ...envOf(bench),
            DATABASE_URL: await encrypt(keyId, "database-url", bench.databaseUrl),
          };
          const made = await run(["keygen", "--kms", keyId], env);
          expect(made).toMatchObject({ code: 0, stderr: "" });
          const keyFile = join(folder, "key");
          await writeFile(keyFile, made.stdout, { mode: 0o600 });
          const identityFile = join(folder, "identity");
          await writeFile(
            identityFile,
            await encrypt(keyId, "identity", await readFile(identity.path, "utf8")),
          );
          const withKey = {
            ...env,
            FETCH_ETL_MASKING_KEY_FILE: keyFile,
            FETCH_ETL_RECOVERY_RECIPIENT: identity.recipient,
          };
          await sendLogins(bench, 3);
          expect(await run(["drain", "--quiet"], withKey)).toEqual({ code: 0, stdout: "", stderr: "" });
          const [row] = await bench.sql<{ token: string }[]>`select masked_ip as token from user_logins`;
          const reveal = ["reveal", row?.token ?? "", "--identity", identityFile, "--reason", "test"];
          expect(await run(reveal, withKey)).toMatchObject({ code: 0, stderr: "" });

          // The current key in KMS, the earlier one in KMS too.
          const again = await run(["keygen", "--kms", keyId], env);
          const [current, earlier] = [again, made].map(({ stdout }) => stdout.trim().replace(/^\w+=/, ""));
          const both = {
            ...withKey,
            FETCH_ETL_MASKING_KEY_FILE: undefined,
            FETCH_ETL_MASKING_KEY: `${current ?? ""},${earlier ?? ""}`,
          };
          const rotated = await run(["rotate", "--identity", identityFile, "--json"], both);
          expect(rotated).toMatchObject({ code: 0, stderr: "" });
          expect(JSON.parse(rotated.stdout)).toMatchObject({ rows: 3 });

          const mixedUp = await run(["mask", "--field", "ip", "192.0.2.1"], {
            ...env,
            FETCH_ETL_MASKING_KEY: env.DATABASE_URL,
          });
          expect(mixedUp).toMatchObject({
            code: 2,
            stderr: expect.stringContaining("fetch-etl=masking-key"),
          });
        }),
      ),
    ));

  it("the error for a missing secret names it", () =>
    withBench(async (bench) => {
      const env = {
        ...envOf(bench),
        FETCH_ETL_MASKING_KEY: `arn:aws:ssm:${REGION}:123456789012:parameter/none`,
        DATABASE_URL: `arn:aws:secretsmanager:${REGION}:123456789012:secret:none`,
      };
      const { code, stderr } = await run(["drain"], env);
      expect(code).toBe(2);
      expect(stderr).toContain('FETCH_ETL_MASKING_KEY: the parameter "/none" does not exist');
      expect(stderr).toContain('DATABASE_URL: the secret "none" does not exist');
    }));
});
