import { beforeEach, expect, it, vi } from "vitest";
import { encryptSecret, fetchSecret, loadClient } from "../../src/aws/secrets.ts";
import { parseReference, type Purpose, type Reference } from "../../src/config/secret-reference.ts";
import { closedEndpoint, stubAwsEnvironment, withHttpServer } from "../sqs/servers.ts";
import { TOLD_BY_STORE, withStores, type StoreAnswer, type StoreCall } from "../support/stores.ts";

beforeEach(() => {
  stubAwsEnvironment();
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
});

const SECRET = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:prod/db";
const PARAMETER = "arn:aws:ssm:eu-central-1:000000000000:parameter/prod/key";
const CIPHERTEXT = `kms:${Buffer.from("ciphertext").toString("base64")}`;

function referenceTo(text: string, purpose: Purpose = "database-url"): Reference {
  const parsed = parseReference(text);
  if (parsed?.kind === "stored") return parsed.stored;
  if (parsed?.kind === "encrypted")
    return { service: "kms", ciphertext: parsed.ciphertext, purpose, region: undefined };
  throw new Error("not a reference");
}

/** What the caller gets for a server's answer, and what the server was asked. */
async function fetched(text: string, answer: StoreAnswer) {
  const calls: StoreCall[] = [];
  const value = await withStores(
    (call) => {
      calls.push(call);
      return answer;
    },
    (env) => {
      for (const [name, url] of Object.entries(env)) vi.stubEnv(name, url);
      return fetchSecret(referenceTo(text), "DATABASE_URL").catch((error: unknown) => error);
    },
  );
  return { value, calls };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

it.each<[string, string, StoreAnswer, StoreCall]>([
  [
    "Secrets Manager",
    SECRET,
    { SecretString: "value" },
    { action: "secretsmanager:GetSecretValue", body: { SecretId: SECRET }, region: "eu-west-1" },
  ],
  [
    "a secret that RDS manages",
    "arn:aws-cn:secretsmanager:cn-north-1:000000000000:secret:rds!cluster-0a1b-AbCdEf",
    { SecretString: "value" },
    {
      action: "secretsmanager:GetSecretValue",
      body: {
        SecretId: "arn:aws-cn:secretsmanager:cn-north-1:000000000000:secret:rds!cluster-0a1b-AbCdEf",
      },
      region: "cn-north-1",
    },
  ],
  [
    "a binary secret",
    SECRET,
    { SecretBinary: base64("value") },
    { action: "secretsmanager:GetSecretValue", body: { SecretId: SECRET }, region: "eu-west-1" },
  ],
  [
    "Parameter Store",
    PARAMETER,
    { Parameter: { Value: "value" } },
    { action: "ssm:GetParameter", body: { Name: PARAMETER, WithDecryption: true }, region: "eu-central-1" },
  ],
  [
    "KMS",
    CIPHERTEXT,
    { Plaintext: base64("value") },
    {
      action: "kms:Decrypt",
      body: { CiphertextBlob: base64("ciphertext"), EncryptionContext: { "fetch-etl": "database-url" } },
      region: "us-east-1",
    },
  ],
])("a value comes from %s with one request, in the region of its ARN", async (_what, text, answer, call) => {
  expect(await fetched(text, answer)).toEqual({ value: "value", calls: [call] });
});

it.each([
  [
    SECRET,
    "ResourceNotFoundException",
    400,
    "configuration",
    'DATABASE_URL: the secret "prod/db" does not exist at Secrets Manager at http://127.0.0.1',
  ],
  [
    SECRET,
    "AccessDeniedException",
    400,
    "configuration",
    'not authorized to call secretsmanager:GetSecretValue on the secret "prod/db" (AccessDeniedException, HTTP 400). Allow it in their IAM policy. If a KMS key of your own encrypts the secret, also allow kms:Decrypt',
  ],
  [SECRET, "DecryptionFailure", 400, "configuration", "cannot be decrypted"],
  [SECRET, "InvalidRequestException", 400, "configuration", "not scheduled for deletion"],
  [
    SECRET,
    "ThrottlingException",
    400,
    "unavailable",
    "is throttling requests (ThrottlingException, HTTP 400)",
  ],
  [SECRET, "InternalServiceError", 500, "unavailable", "reported an internal error"],
  [SECRET, "ExpiredTokenException", 400, "unavailable", "The AWS credentials have expired"],
  [SECRET, "UnrecognizedClientException", 400, "configuration", "rejected the AWS credentials"],
  [SECRET, "Novel", 400, "configuration", "rejected secretsmanager:GetSecretValue"],
  [PARAMETER, "ParameterNotFound", 400, "configuration", 'the parameter "/prod/key" does not exist'],
  [PARAMETER, "AccessDeniedException", 400, "configuration", "not authorized to call ssm:GetParameter"],
  [PARAMETER, "InvalidKeyId", 400, "configuration", "cannot be decrypted"],
  [
    CIPHERTEXT,
    "AccessDeniedException",
    400,
    "configuration",
    "not authorized to call kms:Decrypt on the text after kms: (AccessDeniedException, HTTP 400). Allow it in their IAM policy and in the key policy.",
  ],
  [
    CIPHERTEXT,
    "InvalidCiphertextException",
    400,
    "configuration",
    "The encryption context must be fetch-etl=database-url.",
  ],
  [CIPHERTEXT, "DisabledException", 400, "configuration", "DATABASE_URL: the KMS key is disabled"],
  [CIPHERTEXT, "KMSInvalidStateException", 400, "configuration", "the KMS key cannot be used now"],
  [CIPHERTEXT, "NotFoundException", 400, "configuration", "the KMS key does not exist"],
  [CIPHERTEXT, "KMSInternalException", 500, "unavailable", "reported an internal error"],
])("%s answered with %s (%i) is a sentence", async (text, code, status, kind, message) => {
  const { value } = await fetched(text, { code, status });
  expect(value).toMatchObject({ kind, message: expect.stringContaining(message) });
  expect(value).toMatchObject({ message: expect.stringMatching(/^DATABASE_URL: /) });
  expect(String(value)).not.toContain(TOLD_BY_STORE);
  expect(String(value)).not.toContain("000000000000");
});

it.each([
  ["nothing", {}],
  ["a text that is empty", { SecretString: "" }],
  ["a NUL", { SecretString: "a\0b" }],
  ["bytes that are no text", { SecretBinary: Buffer.of(0xff).toString("base64") }],
])("a secret with %s is rejected", async (_what, answer) => {
  expect((await fetched(SECRET, answer)).value).toMatchObject({
    kind: "configuration",
    message: 'DATABASE_URL: the secret "prod/db" is empty, or is not UTF-8 text.',
  });
});

it("an unreachable service, and an answer that is not from AWS, can be retried", async () => {
  vi.stubEnv("AWS_ENDPOINT_URL", await closedEndpoint());
  await expect(fetchSecret(referenceTo(SECRET), "PGPASSWORD")).rejects.toMatchObject({
    kind: "unavailable",
    message: expect.stringMatching(
      /^PGPASSWORD: Secrets Manager is unreachable at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)\. Check that it is running, and AWS_ENDPOINT_URL_SECRETS_MANAGER/,
    ),
  });
  await withHttpServer(
    (_request, response) => void response.end("<html>"),
    async (endpoint) => {
      vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
      await expect(fetchSecret(referenceTo(PARAMETER), "PGPASSWORD")).rejects.toMatchObject({
        kind: "unavailable",
        message: expect.stringContaining("sent a response that is not from SSM"),
      });
    },
  );
});

it.each([SECRET, PARAMETER, CIPHERTEXT])("an answer to %s that does not end is given up", async (text) => {
  const limit = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
  await withHttpServer(
    (_request, response) => {
      // Each part starts the time limit of the socket again.
      const parts = setInterval(() => response.write(" "), 1_000);
      response.on("close", () => {
        clearInterval(parts);
      });
      response.write(" ", () => {
        limit.abort(new DOMException("late", "TimeoutError"));
      });
    },
    async (endpoint) => {
      vi.stubEnv("AWS_ENDPOINT_URL", endpoint);
      await expect(fetchSecret(referenceTo(text), "PGPASSWORD")).rejects.toMatchObject({
        kind: "unavailable",
        message: expect.stringContaining("(ETIMEDOUT)"),
      });
    },
  );
  vi.restoreAllMocks();
});

it("KMS needs a region, and every service needs credentials", async () => {
  vi.stubEnv("AWS_REGION", undefined);
  await expect(fetchSecret(referenceTo(CIPHERTEXT), "PGPASSWORD")).rejects.toMatchObject({
    message: "PGPASSWORD: The AWS region is not set. Set AWS_REGION.",
  });
  vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
  await expect(fetchSecret(referenceTo(SECRET), "PGPASSWORD")).rejects.toMatchObject({
    kind: "configuration",
    message: expect.stringMatching(/^PGPASSWORD: No usable AWS credentials/),
  });
});

it("a text is encrypted with the context of its purpose, in the region of the key's ARN", async () => {
  const calls: StoreCall[] = [];
  const key = "arn:aws:kms:eu-north-1:000000000000:key/mine";
  const encrypted = await withStores(
    (call) => {
      calls.push(call);
      return { CiphertextBlob: base64("ciphertext") };
    },
    (env) => {
      vi.stubEnv("AWS_ENDPOINT_URL_KMS", env["AWS_ENDPOINT_URL_KMS"]);
      return encryptSecret("text", key, "masking-key");
    },
  );
  expect(encrypted).toBe(base64("ciphertext"));
  expect(calls).toEqual([
    {
      action: "kms:Encrypt",
      body: { KeyId: key, Plaintext: base64("text"), EncryptionContext: { "fetch-etl": "masking-key" } },
      region: "eu-north-1",
    },
  ]);
});

it("a client that is not installed is named, with the setting that needs it and the command that installs it", async () => {
  const missing = "@aws-sdk/client-of-no-service";
  await expect(loadClient("ssm", "DATABASE_URL", () => import(missing))).rejects.toMatchObject({
    kind: "configuration",
    message:
      "DATABASE_URL needs the package @aws-sdk/client-ssm, which is not installed. Run npm install @aws-sdk/client-ssm where fetch-etl is installed, " +
      "with --global and the same --prefix if fetch-etl is global.",
  });
});
