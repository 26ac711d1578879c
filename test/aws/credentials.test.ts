import type { ServerResponse } from "node:http";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { translateCredentialsFault } from "../../src/aws/credentials.ts";
import { checkQueue } from "../../src/sqs/doctor.ts";
import { CredentialsFault, type Lookup } from "../../src/aws/lookup.ts";
import { openQueue } from "../../src/sqs/open.ts";
import type { Target } from "../../src/sqs/target.ts";
import type { Failure } from "../../src/failure.ts";
import { withFolder } from "../support/folder.ts";
import { closedEndpoint, deaf, settings, stubAwsEnvironment, withHttpServer } from "../sqs/servers.ts";

beforeEach(() => {
  stubAwsEnvironment();
  vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
});

/** What opening the queue fails with, whose own endpoint nobody must have called: the credentials come first. */
async function failure(): Promise<{ kind: string; message: string }> {
  const opened = openQueue(settings({ queue: "login-queue" }), deaf);
  return opened.then(
    () => expect.unreachable("it opened"),
    (error: unknown) => error as { kind: string; message: string },
  );
}

function useToken(path: string, endpoint?: string): void {
  vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", path);
  vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/drain");
  vi.stubEnv("AWS_ENDPOINT_URL_STS", endpoint);
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
}

it("a web identity token file that is missing, or is a folder, is named", () =>
  withFolder(async (folder) => {
    useToken(join(folder, "token"));
    expect(await failure()).toMatchObject({
      kind: "configuration",
      message: `The file "${join(folder, "token")}" that AWS_WEB_IDENTITY_TOKEN_FILE names for credentials cannot be read (ENOENT). Check that it exists, and its permissions.`,
    });
    await mkdir(join(folder, "token"));
    expect(await failure()).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("cannot be read (EISDIR)"),
    });
    const checks = await checkQueue(settings({}), Date.now);
    expect(checks[0]).toMatchObject({ name: "credentials", status: "failed", kind: "configuration" });
  }));

it("STS that is away is named, and worth a retry", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "token"), "secret-token");
    useToken(join(folder, "token"), await closedEndpoint());
    expect(await failure()).toMatchObject({
      kind: "unavailable",
      message:
        "No AWS credentials: STS is unreachable (ECONNREFUSED). Check the network and the region (AWS_REGION).",
    });
  }));

/** A handler of STS that answers every request with this error. */
function stsError(status: number, code: string) {
  return (_request: unknown, response: ServerResponse): void => {
    response
      .writeHead(status, { "content-type": "text/xml" })
      .end(`<ErrorResponse><Error><Code>${code}</Code><Message>told</Message></Error></ErrorResponse>`);
  };
}

it.each([
  [
    403,
    "AccessDenied",
    "configuration",
    "STS refused the request for the role (AccessDenied, HTTP 403). Check the role",
  ],
  [
    400,
    "InvalidIdentityToken",
    "configuration",
    "STS refused the request for the role (InvalidIdentityToken",
  ],
  [
    400,
    "ExpiredTokenException",
    "unavailable",
    "the token in the file of AWS_WEB_IDENTITY_TOKEN_FILE has expired",
  ],
  [500, "InternalFailure", "unavailable", "STS reported an internal error (InternalFailure, HTTP 500)"],
])("STS that answers %i %s: %s", (status, code, kind, sentence) =>
  withFolder((folder) =>
    withHttpServer(stsError(status, code), async (endpoint) => {
      await writeFile(join(folder, "token"), "secret-token");
      useToken(join(folder, "token"), endpoint);
      const { kind: as, message } = await failure();
      expect([as, message]).toEqual([kind, expect.stringContaining(sentence)]);
      expect(message).not.toMatch(/secret-token|told/);
    }),
  ),
);

const ROLE = "role_arn = arn:aws:iam::000000000000:role/drain";
const SSO = [
  ...["[profile mine]", "sso_session = s", "sso_account_id = 000000000000", "sso_role_name = r"],
  ...["[sso-session s]", "sso_region = us-east-1", "sso_start_url = https://example.com/start"],
].join("\n");
const program = (script: string): string => `[profile mine]\ncredential_process = sh -c '${script}'`;

async function useProfile(folder: string, config: string): Promise<void> {
  await writeFile(join(folder, "config"), config);
  vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
  vi.stubEnv("HOME", folder);
  vi.stubEnv("AWS_PROFILE", "mine");
  vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
}

it.each([
  ["that is not there", "[profile other]\nregion = us-east-1", 'in the profile "mine" (AWS_PROFILE)'],
  [
    "whose program fails",
    program("echo a-secret >&2; exit 3"),
    'the credential_process program of the profile "mine" failed',
  ],
  [
    "whose program is missing",
    "[profile mine]\ncredential_process = /nowhere/a-secret",
    "failed. Run it by hand",
  ],
  ["whose program prints no JSON", program("echo a-secret"), "did not print JSON"],
  [
    "whose program prints no version",
    program('echo "{\\"AccessKeyId\\": \\"a-secret\\"}"'),
    'without "Version": 1',
  ],
  [
    "whose program prints half",
    program('echo "{\\"Version\\": 1}"'),
    "without AccessKeyId or SecretAccessKey",
  ],
  ["whose SSO session is none", SSO, "Run `aws sso login`"],
  ["with half of SSO", SSO.replace("sso_account_id = 000000000000\n", ""), "lacks an SSO setting"],
  [
    "whose source is missing",
    `[profile mine]\n${ROLE}\nsource_profile = other`,
    'the profile "other", which is the source_profile of "mine", does not exist or has no credentials',
  ],
  [
    "whose source leads back",
    `[profile mine]\n${ROLE}\nsource_profile = b\n[profile b]\n${ROLE}\nsource_profile = mine`,
    "refers back to that profile",
  ],
])("a profile %s", (_what, config, sentence) =>
  withFolder(async (folder) => {
    await useProfile(folder, config);
    const { kind, message } = await failure();
    expect([kind, message]).toEqual(["configuration", expect.stringContaining(sentence)]);
    expect(message).not.toContain("a-secret");
  }),
);

it("a profile whose program prints credentials that have expired is worth a retry", () =>
  withFolder(async (folder) => {
    const printed = {
      Version: 1,
      AccessKeyId: "a",
      SecretAccessKey: "b",
      Expiration: "2020-01-01T00:00:00Z",
    };
    await writeFile(join(folder, "printed"), JSON.stringify(printed));
    await useProfile(folder, `[profile mine]\ncredential_process = cat ${join(folder, "printed")}`);
    expect(await failure()).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("printed expired credentials. Renew them"),
    });
  }));

it.each([
  [
    403,
    "AccessDenied",
    "configuration",
    "STS refused the request for the role (AccessDenied, HTTP 403). Check the role",
  ],
  [
    403,
    "ExpiredToken",
    "unavailable",
    "the credentials that request the role from STS have expired (ExpiredToken, HTTP 403)",
  ],
  [500, "InternalFailure", "unavailable", "STS reported an internal error (InternalFailure, HTTP 500)"],
])("the role of a profile, with STS that answers %i %s: %s", (status, code, kind, sentence) =>
  withFolder((folder) =>
    withHttpServer(stsError(status, code), async (endpoint) => {
      await useProfile(
        folder,
        `[profile mine]\n${ROLE}\nsource_profile = b\n[profile b]\naws_access_key_id = a\naws_secret_access_key = b`,
      );
      vi.stubEnv("AWS_ENDPOINT_URL_STS", endpoint);
      const { kind: as, message } = await failure();
      expect([as, message]).toEqual([kind, expect.stringContaining(sentence)]);
      expect(message).not.toContain("told");
    }),
  ),
);

/** The token of a session that somebody signed in for: of its own time, and with or without what renews it. */
async function signIn(folder: string, expiresAt: string, renewal: object = {}): Promise<void> {
  const cache = join(folder, ".aws", "sso", "cache");
  await mkdir(cache, { recursive: true });
  const name = createHash("sha1").update("s").digest("hex");
  const token = { accessToken: "a-secret", expiresAt, ...renewal };
  await writeFile(join(cache, `${name}.json`), JSON.stringify(token));
}

it("a session of SSO that has expired is told as that", () =>
  withFolder(async (folder) => {
    await useProfile(folder, SSO);
    await signIn(folder, "2020-01-01T00:00:00Z");
    expect(await failure()).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("has expired or does not exist. Run `aws sso login`"),
    });
  }));

it.each([
  [
    401,
    "configuration",
    "refused (HTTP 401). Run `aws sso login`, and check whether the account and the role",
  ],
  [503, "unavailable", "the sign-in service of the profile (SSO) reported an internal error (HTTP 503)"],
  [undefined, "unavailable", "the sign-in service of the profile (SSO) is unreachable (ECONNREFUSED)"],
])("SSO that answers %s to a session: %s", (status, kind, sentence) =>
  withFolder(async (folder) => {
    await useProfile(folder, SSO);
    await signIn(folder, "2099-01-01T00:00:00Z");
    const told = async (endpoint: string): Promise<void> => {
      vi.stubEnv("AWS_ENDPOINT_URL_SSO", endpoint);
      const { kind: as, message } = await failure();
      expect([as, message]).toEqual([kind, expect.stringContaining(sentence)]);
      expect(message).not.toMatch(/a-secret|told/);
    };
    if (status === undefined) await told(await closedEndpoint());
    else
      await withHttpServer((_, response) => void response.writeHead(status).end('{"message":"told"}'), told);
  }),
);

it("SSO that cannot renew a session because it is broken itself is not told as a session that has expired", () =>
  withFolder((folder) =>
    withHttpServer(
      (_, response) => void response.writeHead(500).end("{}"),
      async (endpoint) => {
        await useProfile(folder, SSO);
        const client = {
          clientId: "c",
          clientSecret: "a-secret",
          registrationExpiresAt: "2099-01-01T00:00:00Z",
        };
        await signIn(folder, "2020-01-01T00:00:00Z", { refreshToken: "a-secret", ...client });
        vi.stubEnv("AWS_ENDPOINT_URL_SSO_OIDC", endpoint);
        expect(await failure()).toMatchObject({
          kind: "unavailable",
          message: expect.stringContaining("reported an internal error (HTTP 500)"),
        });
      },
    ),
  ));

const TARGET: Target = {
  queueName: "login-queue",
  queueUrl: undefined,
  queueOwner: undefined,
  endpoint: undefined,
  endpointSetting: "--endpoint-url",
  region: "us-east-1",
};
const CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

const SERVICE = `No AWS credentials: the credentials service in ${CONTAINER} `;

// The SDK asks four times, a second apart: the other answers are given to the explanation itself.
it("a container's service for credentials that refuses, or is away, is named", async () => {
  await withHttpServer(
    (_, response) => void response.writeHead(403).end('{"Code":"told"}'),
    async (endpoint) => {
      vi.stubEnv(CONTAINER, `${endpoint}/credentials`);
      expect(await failure()).toMatchObject({
        kind: "configuration",
        message: expect.stringMatching(
          new RegExp(`^${SERVICE}refused \\(HTTP 403\\). Check the role of the task or pod`),
        ),
      });
    },
  );
  vi.stubEnv(CONTAINER, `${await closedEndpoint()}/credentials`);
  expect(await failure()).toMatchObject({
    kind: "unavailable",
    message: `${SERVICE}is unreachable (ECONNREFUSED). Check the network, or run again later.`,
  });
}, 20_000);

it.each<[Lookup["ends"][number], Partial<Failure>]>([
  [
    { path: "/", status: 404 },
    { kind: "configuration", message: expect.stringContaining("refused (HTTP 404)") },
  ],
  [
    { path: "/", status: 429 },
    { kind: "unavailable", message: expect.stringContaining("(HTTP 429). Run again later") },
  ],
  [
    { path: "/", status: 503 },
    { kind: "unavailable", message: expect.stringContaining("(HTTP 503). Run again later") },
  ],
  [
    { path: "/", status: 200 },
    { kind: "configuration", message: `${SERVICE}sent an unexpected response. Check the URL.` },
  ],
  [{ path: "/" }, { kind: "unavailable", message: expect.stringContaining("is unreachable. Check") }],
])("a container's service that ends with %j is told", (end, told) => {
  vi.stubEnv(CONTAINER, "http://127.0.0.1/credentials");
  const fault = new CredentialsFault(new Error("told"), { said: [], ends: [end] });
  expect(translateCredentialsFault(fault, TARGET)).toMatchObject(told);
});

it.each(["nowhere", "http://192.0.2.1/credentials"])(
  "a container's URL %s, which the SDK refuses, is told",
  async (url) => {
    vi.stubEnv(CONTAINER, url);
    expect(await failure()).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining(`the AWS SDK does not accept the URL in ${CONTAINER}`),
    });
  },
);

it("a container's token file that is missing is named with its setting", () => {
  vi.stubEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere/token");
  const missing = Object.assign(new Error("told"), { code: "ENOENT", path: "/nowhere/token" });
  expect(
    translateCredentialsFault(new CredentialsFault(missing, { said: [], ends: [] }), TARGET),
  ).toMatchObject({
    kind: "configuration",
    message:
      'The file "/nowhere/token" that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names for credentials cannot be read (ENOENT). Check that it exists, and its permissions.',
  });
});

it.each([
  [404, "configuration", "EC2's instance metadata service answered with HTTP 404"],
  [403, "configuration", "EC2's instance metadata service answered with HTTP 403"],
  [500, "unavailable", "EC2's instance metadata service reported an internal error (HTTP 500)"],
  [undefined, "configuration", "No usable AWS credentials. Set AWS_ACCESS_KEY_ID"],
])("instance metadata that answers %s: %s", async (status, kind, sentence) => {
  const told = async (endpoint: string): Promise<void> => {
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "false");
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
    const { kind: as, message } = await failure();
    expect([as, message]).toEqual([kind, expect.stringContaining(sentence)]);
  };
  if (status === undefined) await told(await closedEndpoint());
  else {
    await withHttpServer(({ method }, response) => {
      // The session's token comes first.
      if (method === "PUT") response.end("token");
      else response.writeHead(status).end();
    }, told);
  }
});
