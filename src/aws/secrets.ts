// Gets secrets from AWS Secrets Manager, from SSM's Parameter Store and from KMS, and encrypts with KMS. Each client is an optional package,
// imported when it is needed.
import {
  named,
  type EncryptedSecret,
  type Purpose,
  type Reference,
  type StoredSecret,
} from "../config/secret-reference.ts";
import { Failure, systemCode } from "../failure.ts";
import { endpointOf, sharedConfig } from "./client.ts";
import { markCredentialsFaults, type Credentials } from "./credentials.ts";
import { proxyOf } from "./proxies.ts";
import { translateSecretError, type SecretAction } from "./secret-errors.ts";

/** Milliseconds. Values are at most 64 KiB. */
const REQUEST_TIMEOUT_MS = 10_000;
/** For all attempts, and for an answer that comes too slowly: {@link REQUEST_TIMEOUT_MS} starts again with each of its parts. */
const CALL_TIMEOUT_MS = 60_000;

/**
 * @param setting the setting with the reference, for error messages, such as `DATABASE_URL`
 * @throws {Failure} if the value cannot be read, or is not UTF-8 text
 */
export async function fetchSecret(reference: Reference, setting: string): Promise<string> {
  const value = await fetchValue(reference, setting);
  const text = typeof value === "string" ? value : utf8(value);
  if (text !== undefined && text !== "" && !text.includes("\0")) return text;
  throw new Failure("configuration", `${setting}: ${named(reference)} is empty, or is not UTF-8 text.`);
}

function fetchValue(reference: Reference, setting: string): Promise<string | Uint8Array | undefined> {
  switch (reference.service) {
    case "secretsmanager":
      return inSecretsManager(reference, setting);
    case "ssm":
      return inParameterStore(reference, setting);
    case "kms":
      return decrypted(reference, setting);
  }
}

async function inSecretsManager(
  secret: StoredSecret,
  setting: string,
): Promise<string | Uint8Array | undefined> {
  const { SecretsManagerClient, GetSecretValueCommand } = await loadClient(
    "secrets-manager",
    setting,
    () => import("@aws-sdk/client-secrets-manager"),
  );
  const client = new SecretsManagerClient(await config(secret.region));
  const call = { action: "secretsmanager:GetSecretValue", what: named(secret), setting };
  return withClient(client, call, async (abortSignal) => {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: secret.arn }), { abortSignal });
    return answer.SecretString ?? answer.SecretBinary;
  });
}

async function inParameterStore(parameter: StoredSecret, setting: string): Promise<string | undefined> {
  const { SSMClient, GetParameterCommand } = await loadClient(
    "ssm",
    setting,
    () => import("@aws-sdk/client-ssm"),
  );
  const client = new SSMClient(await config(parameter.region));
  const call = { action: "ssm:GetParameter", what: named(parameter), setting };
  return withClient(client, call, async (abortSignal) => {
    // The ARN works as the name, and is required for a parameter that another account shares.
    const command = new GetParameterCommand({ Name: parameter.arn, WithDecryption: true });
    return (await client.send(command, { abortSignal })).Parameter?.Value;
  });
}

async function decrypted(
  { ciphertext, purpose, region }: EncryptedSecret,
  setting: string,
): Promise<Uint8Array | undefined> {
  const { KMSClient, DecryptCommand } = await loadClient("kms", setting, () => import("@aws-sdk/client-kms"));
  const client = new KMSClient(await config(region));
  const call = { action: "kms:Decrypt", what: "the text after kms:", setting, purpose };
  return withClient(client, call, async (abortSignal) => {
    const command = new DecryptCommand({
      CiphertextBlob: Buffer.from(ciphertext, "base64"),
      EncryptionContext: contextOf(purpose),
    });
    return (await client.send(command, { abortSignal })).Plaintext;
  });
}

/**
 * Encrypts a text of at most 4,096 bytes with a KMS key.
 *
 * @param keyId id, ARN or alias; an ARN determines the region
 * @returns base64
 * @throws {Failure} if KMS cannot encrypt with the key
 */
export async function encryptSecret(text: string, keyId: string, purpose: Purpose): Promise<string> {
  const { KMSClient, EncryptCommand } = await loadClient("kms", "--kms", () => import("@aws-sdk/client-kms"));
  const region = /^arn:[^:]*:kms:([a-z0-9-]+):/.exec(keyId)?.[1];
  const client = new KMSClient(await config(region));
  const call = { action: "kms:Encrypt", what: "the KMS key", setting: "--kms", purpose } as const;
  return withClient(client, call, async (abortSignal) => {
    const command = new EncryptCommand({
      KeyId: keyId,
      Plaintext: Buffer.from(text),
      EncryptionContext: contextOf(purpose),
    });
    const { CiphertextBlob } = await client.send(command, { abortSignal });
    if (CiphertextBlob === undefined) throw new Error("KMS returned no ciphertext");
    return Buffer.from(CiphertextBlob).toString("base64");
  });
}

/** KMS authenticates the context. It is visible in CloudTrail and to key policies. */
function contextOf(purpose: Purpose): Record<string, string> {
  return { "fetch-etl": purpose };
}

/** @param region undefined to let the SDK determine it */
async function config(
  region: string | undefined,
): Promise<Awaited<ReturnType<typeof sharedConfig>> & { readonly region?: string }> {
  const shared = await sharedConfig({ retry: true, maxSockets: 1, requestTimeout: REQUEST_TIMEOUT_MS });
  return { ...shared, ...(region === undefined ? {} : { region }) };
}

/** A client of the SDK. */
interface Client<Given extends readonly unknown[], Found> {
  readonly config: Credentials<Given, Found> &
    Parameters<typeof endpointOf>[0] & { readonly region: () => Promise<string> };
  readonly destroy: () => void;
}

async function withClient<T, Given extends readonly unknown[], Found>(
  client: Client<Given, Found>,
  call: SecretAction,
  work: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    markCredentialsFaults(client.config);
    const endpoint = await endpointOf(client.config);
    const region = await client.config.region().catch(() => undefined);
    const [service = ""] = call.action.split(":");
    const place = { endpoint, region };
    const proxy = await proxyOf(place, service);
    const late = AbortSignal.timeout(CALL_TIMEOUT_MS);
    return await work(late).catch((error: unknown) => {
      throw translateSecretError(late.aborted ? late.reason : error, call, { ...place, proxy });
    });
  } finally {
    client.destroy();
  }
}

/**
 * @param name as in the package's, such as `ssm`
 * @param setting what needs the client, for the error message: `DATABASE_URL`
 * @throws {Failure} `configuration` if the package is not installed
 */
export async function loadClient<T>(name: string, setting: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (systemCode(error) !== "ERR_MODULE_NOT_FOUND") throw error;
    const packageName = `@aws-sdk/client-${name}`;
    throw new Failure(
      "configuration",
      `${setting} needs the package ${packageName}, which is not installed. Run npm install ${packageName} where fetch-etl is installed, ` +
        "with --global and the same --prefix if fetch-etl is global.",
      error,
    );
  }
}

function utf8(bytes: Uint8Array | undefined): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
