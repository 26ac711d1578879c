// The IAM token has the documented form, and the errors name missing credentials and regions.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createRdsToken, type RdsLogin } from "../../src/aws/rds-token.ts";
import { withFolder } from "../support/folder.ts";
import { rdsTokenParameters } from "../support/rds-token.ts";
import { closedEndpoint, stubAwsEnvironment } from "../sqs/servers.ts";

const NOW = Date.UTC(2026, 10, 26, 12, 34, 56);
const HOST = "mydb.abc123.eu-west-1.rds.amazonaws.com";
const LOGIN: RdsLogin = { hostname: HOST, port: 5433, username: "etl_user", region: "eu-west-1" };
const KEYS = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

beforeEach(() => {
  stubAwsEnvironment();
  vi.stubEnv("AWS_ACCESS_KEY_ID", KEYS.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", KEYS.secretAccessKey);
  vi.useFakeTimers({ now: NOW, toFake: ["Date"] });
});
afterEach(() => vi.useRealTimers());

/** The parts of a token, as a URL without its scheme. */
function parts(token: string) {
  const { host, pathname, searchParams } = new URL(`https://${token}`);
  return { host, pathname, query: new Map(searchParams) };
}

it.each([
  ["long-term keys", undefined],
  ["the keys of a role", "IQoJb3JpZ2luX2Vj//EXAMPLE+token=="],
])(
  "a token of %s has the form, the life and the signature that AWS documents",
  async (_what, sessionToken) => {
    vi.stubEnv("AWS_SESSION_TOKEN", sessionToken);
    const given = { ...KEYS, host: HOST, port: 5433, user: "etl_user", region: "eu-west-1", now: NOW };
    const wanted = rdsTokenParameters(sessionToken === undefined ? given : { ...given, sessionToken });
    const token = await createRdsToken(LOGIN);
    expect(token.startsWith(`${HOST}:5433/?`)).toBe(true);
    const { host, pathname, query } = parts(token);
    expect({ host, pathname }).toEqual({ host: `${HOST}:5433`, pathname: "/" });
    expect(query).toEqual(wanted);
    expect(query.get("X-Amz-Date")).toBe("20261126T123456Z");
    expect(query.get("X-Amz-Expires")).toBe("900");
    expect(query.get("X-Amz-Credential")).toBe("AKIDEXAMPLE/20261126/eu-west-1/rds-db/aws4_request");
  },
);

it("a user name with special characters is signed unchanged", async () => {
  const user = "öl & co+'(1)*";
  const { query } = parts(await createRdsToken({ ...LOGIN, username: user }));
  const given = { ...KEYS, host: HOST, port: 5433, user, region: "eu-west-1", now: NOW };
  expect(query).toEqual(rdsTokenParameters(given));
});

it("the region of the host overrides AWS_REGION, which overrides the profile's", () =>
  withFolder(async (folder) => {
    const regionOf = async (region: string | undefined): Promise<string | undefined> =>
      parts(await createRdsToken({ ...LOGIN, region }))
        .query.get("X-Amz-Credential")
        ?.split("/")[2];
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    await writeFile(join(folder, "config"), "[default]\nregion = eu-north-1\n");
    expect([await regionOf("eu-west-1"), await regionOf(undefined)]).toEqual(["eu-west-1", "us-east-1"]);
    vi.stubEnv("AWS_REGION", undefined);
    expect(await regionOf(undefined)).toBe("eu-north-1");
  }));

it("a missing region is an error that says to set AWS_REGION", async () => {
  vi.stubEnv("AWS_REGION", undefined);
  await expect(
    createRdsToken({ ...LOGIN, hostname: "db.example.com", region: undefined }),
  ).rejects.toMatchObject({
    kind: "configuration",
    message:
      "The region of the database is unknown: its host, db.example.com, does not name one. Set AWS_REGION.",
  });
});

it("missing credentials, and errors of STS, are reported as for SQS", () =>
  withFolder(async (folder) => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    await expect(createRdsToken(LOGIN)).rejects.toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(
        /^No usable AWS credentials\. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
      ),
    });
    await writeFile(join(folder, "token"), "secret-token");
    vi.stubEnv("AWS_WEB_IDENTITY_TOKEN_FILE", join(folder, "token"));
    vi.stubEnv("AWS_ROLE_ARN", "arn:aws:iam::000000000000:role/drain");
    vi.stubEnv("AWS_ENDPOINT_URL_STS", await closedEndpoint());
    vi.stubEnv("AWS_MAX_ATTEMPTS", "1");
    await expect(createRdsToken(LOGIN)).rejects.toMatchObject({
      kind: "unavailable",
      message:
        "No AWS credentials: STS is unreachable (ECONNREFUSED). Check the network and the region (AWS_REGION).",
    });
  }));
