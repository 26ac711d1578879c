// What the SDK's clients have in common, configured for a short-lived command: silent, with timeouts, through the proxy if there is one.
import { noteDebug } from "./lookup.ts";
import { agentsFor, type Agents } from "./proxies.ts";

const CONNECTION_TIMEOUT_MS = 5_000;
// Longer than the longest long poll of SQS, 20 s.
const REQUEST_TIMEOUT_MS = 30_000;
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
 * @param options `retry`: false for exactly one attempt per call
 * @throws {Failure} `configuration` if the proxy is not a URL
 */
export async function sharedConfig({
  retry,
  maxSockets,
}: {
  readonly retry: boolean;
  readonly maxSockets: number;
}): Promise<SharedConfig> {
  silenceNodeVersionWarning();
  return {
    retryMode: "standard",
    maxAttempts: retry ? MAX_ATTEMPTS : 1,
    logger: silent,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: REQUEST_TIMEOUT_MS,
      ...(await agentsFor({ keepAlive: true, maxSockets })),
      logger: silent,
    },
  };
}

/** Disables the SDK's warning about the Node version, which would be in every cron mail. */
export function silenceNodeVersionWarning(): void {
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
}
