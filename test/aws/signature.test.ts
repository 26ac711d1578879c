import { SQSClient } from "@aws-sdk/client-sqs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silenceNodeVersionWarning } from "../../src/aws/client.ts";
import { createSigner } from "../../src/aws/signature.ts";

describe("AWS's published examples (the Signature Version 4 test suite)", () => {
  const credentials = {
    accessKeyId: "AKIDEXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  };
  const sessionToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/" +
    "qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xV" +
    "qr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

  it.each([
    {
      name: "post-vanilla",
      signed: "host;x-amz-date",
      signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    },
    {
      name: "post-header-value-case",
      headers: { "my-header1": "VALUE1" },
      signed: "host;my-header1;x-amz-date",
      signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    },
    {
      name: "post-x-www-form-urlencoded",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "Param1=value1",
      signed: "content-type;host;x-amz-date",
      signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    },
    {
      name: "post-sts-header-before",
      token: sessionToken,
      signed: "host;x-amz-date;x-amz-security-token",
      signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    },
  ])("$name", ({ headers = {}, body = "", token, signed, signature }) => {
    const sign = createSigner({ region: "us-east-1", service: "service" });
    const sent = { ...headers, host: "example.amazonaws.com" };
    const result = sign(
      { headers: sent, body },
      { ...credentials, sessionToken: token },
      Date.UTC(2015, 7, 30, 12, 36),
    );
    expect(result["authorization"]).toBe(
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        `SignedHeaders=${signed}, Signature=${signature}`,
    );
  });
});

it("signs as the SDK does, one request after the other, over midnight and after a change of credentials", async () => {
  silenceNodeVersionWarning();
  const region = "eu-central-1";
  const sign = createSigner({ region, service: "sqs" });
  const word = fc.stringMatching(/^[\x21-\x7e]{1,40}$/);
  const credentials = fc.record(
    { accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/), secretAccessKey: word, sessionToken: word },
    { requiredKeys: ["accessKeyId", "secretAccessKey"] },
  );
  const request = fc.record({
    host: fc.domain(),
    target: word,
    body: fc.string({ unit: "grapheme", maxLength: 200 }),
    epochMs: fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
  });
  await fc.assert(
    fc.asyncProperty(
      credentials,
      fc.array(request, { minLength: 1, maxLength: 3 }),
      async (given, requests) => {
        const client = new SQSClient({ region, credentials: given });
        const signer = await client.config.signer();
        for (const { host, target, body, epochMs } of requests) {
          const headers = { host, "content-type": "application/x-amz-json-1.0", "x-amz-target": target };
          const bySdk = await signer.sign(
            { method: "POST", protocol: "https:", hostname: host, path: "/", query: {}, headers, body },
            { signingDate: new Date(epochMs) },
          );
          // The SDK adds and signs the body's checksum, which only S3 requires.
          const checksum = { "x-amz-content-sha256": bySdk.headers["x-amz-content-sha256"] ?? "" };
          expect(sign({ headers: { ...headers, ...checksum }, body }, given, epochMs)).toEqual(bySdk.headers);
        }
        client.destroy();
      },
    ),
  );
});
