// The shared configuration of the SDK's clients for a short-lived command: silent, with timeouts, through the proxy if there is one.
import { Failure } from "../failure.ts";
import { noteDebug } from "./lookup.ts";
import { agentsFor, type Agents } from "./proxies.ts";

export const CONNECTION_TIMEOUT_MS = 5_000;
/** Longer than the longest long poll of SQS, 20 s. */
export const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 3;

const ignore = (): void => undefined;
/** Without a logger, the SDK writes its warnings to the console. */
export const silent = {
  trace: ignore,
  debug: noteDebug,
  info: ignore,
  warn: ignore,
  error: ignore,
};

interface SharedConfig {
  readonly retryMode: string;
  readonly maxAttempts: number;
  readonly logger: typeof silent;
  readonly requestHandler: Agents & {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: boolean;
    readonly socketTimeout: number;
    readonly logger: typeof silent;
  };
}

/**
 * The part of the configuration that does not depend on the service.
 *
 * @param options `retry`: false for exactly one attempt per call; `requestTimeout` in milliseconds
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function sharedConfig({
  retry,
  maxSockets,
  requestTimeout = REQUEST_TIMEOUT_MS,
}: {
  readonly retry: boolean;
  readonly maxSockets: number;
  readonly requestTimeout?: number;
}): Promise<SharedConfig> {
  silenceNodeVersionWarning();
  return {
    retryMode: "standard",
    maxAttempts: retry ? MAX_ATTEMPTS : 1,
    logger: silent,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout,
      throwOnRequestTimeout: true,
      socketTimeout: requestTimeout,
      ...(await agentsFor({ keepAlive: true, maxSockets })),
      logger: silent,
    },
  };
}

/**
 * The endpoint of a client's service in the AWS configuration file or the environment, if any.
 *
 * @throws {Failure} `configuration` if the file cannot be read
 */
export async function endpointOf(config: {
  readonly serviceConfiguredEndpoint?: () => Promise<string | undefined>;
}): Promise<string | undefined> {
  try {
    return await config.serviceConfiguredEndpoint?.();
  } catch (error) {
    throw new Failure(
      "configuration",
      "The AWS configuration cannot be read. Check AWS_PROFILE and the file in AWS_CONFIG_FILE.",
      error,
    );
  }
}

/** Disables the SDK's warning about the Node version, which would be in every cron mail. */
export function silenceNodeVersionWarning(): void {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
}
