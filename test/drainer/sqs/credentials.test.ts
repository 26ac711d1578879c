import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { examineQueue } from "../../../src/drainer/sqs/examine.ts";
import { openQueue } from "../../../src/drainer/sqs/open.ts";
import { withFolder } from "../../support/folder.ts";
import { closedEndpoint, deaf, settings, stubAwsEnvironment, withHttpServer } from "./servers.ts";

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
      message: `The file "${join(folder, "token")}" that AWS_WEB_IDENTITY_TOKEN_FILE names for credentials cannot be read (ENOENT).`,
    });
    await mkdir(join(folder, "token"));
    expect(await failure()).toMatchObject({
      kind: "configuration",
      message: expect.stringContaining("cannot be read (EISDIR)"),
    });
    const checks = await examineQueue(settings({}), Date.now);
    expect(checks[0]).toMatchObject({ name: "credentials", status: "failed", kind: "configuration" });
  }));

it("STS that is away is named, and worth a retry", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "token"), "secret-token");
    useToken(join(folder, "token"), await closedEndpoint());
    expect(await failure()).toMatchObject({
      kind: "unavailable",
      message:
        "No AWS credentials: STS could not be reached (ECONNREFUSED): check the network and the region (AWS_REGION).",
    });
  }));

it.each([
  [
    403,
    "AccessDenied",
    "configuration",
    "STS refuses to give any out (AccessDenied, HTTP 403): check the role",
  ],
  [400, "InvalidIdentityToken", "configuration", "STS refuses to give any out (InvalidIdentityToken"],
  [
    400,
    "ExpiredTokenException",
    "unavailable",
    "the token in the file of AWS_WEB_IDENTITY_TOKEN_FILE has expired",
  ],
  [500, "InternalFailure", "unavailable", "STS has a fault of its own (InternalFailure, HTTP 500)"],
])("STS that answers %i %s: %s", (status, code, kind, sentence) =>
  withFolder((folder) =>
    withHttpServer(
      (_, response) => {
        response
          .writeHead(status, { "content-type": "text/xml" })
          .end(`<ErrorResponse><Error><Code>${code}</Code><Message>told</Message></Error></ErrorResponse>`);
      },
      async (endpoint) => {
        await writeFile(join(folder, "token"), "secret-token");
        useToken(join(folder, "token"), endpoint);
        const { kind: as, message } = await failure();
        expect([as, message]).toEqual([kind, expect.stringContaining(sentence)]);
        expect(message).not.toMatch(/secret-token|told/);
      },
    ),
  ),
);

it.each([
  ["that is not there", "[profile other]\nregion = us-east-1", 'in the profile "mine" (AWS_PROFILE)'],
  [
    "whose program fails",
    "[profile mine]\ncredential_process = sh -c 'echo a-secret >&2; exit 3'",
    "does the program that its credential_process names work?",
  ],
  [
    "whose SSO session is none",
    "[profile mine]\nsso_session = s\nsso_account_id = 000000000000\nsso_role_name = r\n[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start",
    "run `aws sso login`",
  ],
])("a profile %s", (_what, config, sentence) =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "config"), config);
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    vi.stubEnv("HOME", folder);
    vi.stubEnv("AWS_PROFILE", "mine");
    const { kind, message } = await failure();
    expect([kind, message]).toEqual(["configuration", expect.stringContaining(sentence)]);
    expect(message).not.toContain("a-secret");
  }),
);

it("a container's service for credentials that is away is named", async () => {
  vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", `${await closedEndpoint()}/credentials`);
  expect(await failure()).toMatchObject({
    kind: "unavailable",
    message: expect.stringContaining("which AWS_CONTAINER_CREDENTIALS_FULL_URI names"),
  });
}, 20_000);
