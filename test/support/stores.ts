// A server in place of Secrets Manager, Parameter Store and KMS. The test provides its answers, in AWS JSON 1.1.
import { text } from "node:stream/consumers";
import { withHttpServer } from "../sqs/servers.ts";

/** A call, by its IAM action, with what was sent. */
export interface StoreCall {
  /** Such as `secretsmanager:GetSecretValue`. */
  readonly action: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The region that the request was signed for. */
  readonly region: string;
}

/** An error has a code; its message is one that must not be shown. */
export type StoreAnswer = object | { readonly code: string; readonly status?: number };

export const TOLD_BY_STORE = "told-by-the-store";

const SERVICES: Readonly<Record<string, string>> = {
  secretsmanager: "secretsmanager",
  AmazonSSM: "ssm",
  TrentService: "kms",
};

/**
 * Runs `use` with the variables that lead the SDK to the server.
 *
 * @param answer undefined leaves the request without an answer
 */
export function withStores<T>(
  answer: (call: StoreCall) => StoreAnswer | undefined,
  use: (env: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  return withHttpServer(
    async (request, response) => {
      const [service = "", operation = ""] = String(request.headers["x-amz-target"]).split(".");
      const [, region = ""] =
        /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? "") ?? [];
      const body = JSON.parse(await text(request)) as StoreCall["body"];
      const answered = answer({ action: `${SERVICES[service] ?? service}:${operation}`, body, region });
      if (answered === undefined) return;
      const isError = "code" in answered;
      response.writeHead(isError ? ("status" in answered && answered.status) || 400 : 200, {
        "content-type": "application/x-amz-json-1.1",
      });
      response.end(
        JSON.stringify(
          isError ? { __type: answered.code, message: TOLD_BY_STORE, Message: TOLD_BY_STORE } : answered,
        ),
      );
    },
    (endpoint) =>
      use({
        AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint,
        AWS_ENDPOINT_URL_SSM: endpoint,
        AWS_ENDPOINT_URL_KMS: endpoint,
      }),
  );
}
