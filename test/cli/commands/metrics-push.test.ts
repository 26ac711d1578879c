// drain --metrics-push against a server on the network.
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseMetrics } from "../../../src/cli/commands/drain/metrics.ts";
import { pushMetrics } from "../../../src/cli/commands/drain/metrics-push.ts";
import type { RunRecord } from "../../../src/cli/commands/drain/report.ts";
import { Secret } from "../../../src/config/secret.ts";
import { newCounts } from "../../../src/drain/counts.ts";
import { systemClock } from "../../../src/drain/clock.ts";
import { sendHttp } from "../../../src/http.ts";
import { withForwardProxy } from "../../support/forward-proxy.ts";
import { withGateway } from "../../support/gateway.ts";
import { memoryLog } from "../../support/memory-log.ts";

const run: RunRecord = {
  ...newCounts(),
  received: 7,
  loaded: 5,
  quarantined: 2,
  requests: { receive: 3, delete: 1, other: 2 },
  remaining: { visible: 0, inFlight: 0, delayed: 0 },
  stoppedBy: "empty",
  durationMs: 1_500,
  waitedMs: { sqs: 0, postgres: 0 },
  reasons: new Map(),
  held: [],
  ...{ runId: "0", version: "1.2.3", host: "h" },
  queue: "logins.fifo",
  table: "public.user_logins",
  dryRun: false,
  startedAt: 1_700_000_000_000,
  finishedAt: 1_700_000_001_500,
  exitCode: 0,
  error: undefined,
};
const GROUP = "/metrics/job/fetch-etl/queue/logins.fifo";

/** Sends the metrics of a run; returns what was logged. */
async function push(
  url: string,
  record: RunRecord = run,
  ofFile?: { queue: string; text: string },
): Promise<readonly string[]> {
  const { log, lines } = memoryLog();
  const target = { host: new URL(url).host, url: new Secret(new URL(url)) };
  const versions = { fetchEtl: "1.2.3", node: "20.19.0", nodeNeeded: "20.19" };
  await pushMetrics(target, record, ofFile, { log, clock: systemClock, versions, services: { sendHttp } });
  return lines;
}

/** Lines of other groups, as a Pushgateway returns them. */
const OTHERS = `# HELP fetch_etl_runs_total Runs by exit code.
# TYPE fetch_etl_runs_total counter
fetch_etl_runs_total{exit_code="0",instance="",job="fetch-etl",queue="other"} 100
fetch_etl_runs_total{exit_code="0",instance="a",job="fetch-etl",queue="logins.fifo"} 100
fetch_etl_runs_total{exit_code="0",instance="",job="etl",queue="logins.fifo"} 100
push_time_seconds{instance="",job="fetch-etl",queue="logins.fifo"} 1.7e+09
`;

describe("the metrics of a run", () => {
  it("replace those of the queue's group, and continue its counters", () =>
    withGateway(
      async ({ url, asked, groups }) => {
        expect(await push(url)).toEqual([]);
        expect(await push(url, { ...run, loaded: 10, exitCode: 5 })).toEqual([]);
        expect(asked).toEqual(["GET /metrics", `PUT ${GROUP}`, "GET /metrics", `PUT ${GROUP}`]);
        const text = groups.get(GROUP) ?? "";
        expect(text).toContain(
          "# HELP fetch_etl_runs_total Runs by exit code.\n# TYPE fetch_etl_runs_total counter\n",
        );
        const metrics = parseMetrics(text);
        const value = (name: string, labels = {}): number | undefined =>
          metrics?.value(`fetch_etl_${name}`, labels);
        expect(value("messages_total", { outcome: "loaded" })).toBe(15);
        expect(value("runs_total", { exit_code: "0" })).toBe(1);
        expect(value("runs_total", { exit_code: "5" })).toBe(1);
        expect(value("last_run_messages", { outcome: "loaded" })).toBe(10);
        expect(value("last_success_timestamp_seconds")).toBe(1_700_000_001.5);
      },
      {},
      OTHERS,
    ));

  it("are those of the metrics file if there is one, and the gateway is not read", () =>
    withGateway(async ({ url, asked, groups }) => {
      const ofFile = { queue: "q", text: 'fetch_etl_runs_total{queue="q",exit_code="0"} 9\n' };
      expect(await push(url, run, ofFile)).toEqual([]);
      expect(asked).toEqual(["PUT /metrics/job/fetch-etl/queue/q"]);
      expect([...groups.values()]).toEqual([ofFile.text]);
    }));

  it.each([undefined, "a/b", "pa55 word"])('go to the queue "unknown" if the name is %j', (queue) =>
    withGateway(async ({ url, asked }) => {
      expect(await push(url, { ...run, queue })).toEqual([]);
      expect(asked.at(-1)).toBe("PUT /metrics/job/fetch-etl/queue/unknown");
    }),
  );

  it("go below the path of the URL, with its query and its credentials", () =>
    withGateway(async ({ host, asked, authorization }) => {
      await push(`http://etl:pa55%40word@${host}/api/v1/import/prometheus/?extra_label=env=prod`);
      const below = "/api/v1/import/prometheus/metrics";
      expect(asked).toEqual([
        `GET ${below}?extra_label=env=prod`,
        `PUT ${below}/job/fetch-etl/queue/logins.fifo?extra_label=env=prod`,
      ]);
      expect(authorization()).toBe(`Basic ${Buffer.from("etl:pa55@word").toString("base64")}`);
    }));

  it.each([204, 404])("start at zero without a warning if the server answers HTTP %i", (status) =>
    withGateway(
      async ({ url, groups }) => {
        expect(await push(url)).toEqual([]);
        expect(parseMetrics(groups.get(GROUP) ?? "")?.value("fetch_etl_runs_total", { exit_code: "0" })).toBe(
          1,
        );
      },
      { GET: status },
    ),
  );

  it.each([302, 403, 503])("start at zero with a warning if the server answers HTTP %i", (status) =>
    withGateway(
      async ({ url, host, asked }) => {
        expect(await push(url)).toEqual([
          `warn: --metrics-push: ${host} did not return its metrics (HTTP ${status}). The counters start at zero.`,
        ]);
        expect(asked).toEqual(["GET /metrics", `PUT ${GROUP}`]);
      },
      { GET: status },
    ),
  );

  it.each([302, 400, 401, 500])(
    "that the server refuses by HTTP %i are a warning without its words",
    (status) =>
      withGateway(
        async ({ host }) => {
          const lines = await push(`http://etl:pa55word@${host}`);
          expect(lines).toEqual([
            `warn: --metrics-push: the metrics could not be sent to ${host} (HTTP ${status}). Check the URL, and that the server is running. The exit code does not change.`,
          ]);
        },
        { PUT: status },
      ),
  );

  it("that cannot be sent cause one warning with the code", async () => {
    const lines = await push("http://etl:pa55word@127.0.0.1:1/secret-path");
    expect(lines).toEqual([expect.stringMatching(/^warn: .* sent to 127\.0\.0\.1:1 \(ECONNREFUSED\)\./)]);
    expect(lines.join()).not.toMatch(/pa55word|secret/);
  });
});

describe("an HTTP request", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it("ends after its time limit, even in the middle of an answer", async () => {
    const server = createServer((_request, response) => {
      response.write("the beginning");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(sendHttp({ method: "GET", url, timeoutMs: 50 })).rejects.toMatchObject({
      code: "ETIMEDOUT",
    });
    server.closeAllConnections();
    server.close();
  });

  it("ends where the server changes the protocol", async () => {
    const server = createServer((request) => {
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(sendHttp({ method: "GET", url, timeoutMs: 10_000 })).rejects.toThrow();
    server.closeAllConnections();
    server.close();
  });

  it("reads no answer of more than 16 MiB", () =>
    withGateway(
      async ({ url }) => {
        const request = { method: "GET", url: new URL(url), timeoutMs: 10_000 } as const;
        await expect(sendHttp(request)).rejects.toMatchObject({ code: "EMSGSIZE" });
      },
      {},
      "#".repeat(16 * 1024 * 1024 + 1),
    ));

  it("goes through the proxy in HTTP_PROXY, except to hosts in NO_PROXY", () =>
    withGateway((gateway) =>
      withForwardProxy(undefined, async (proxy) => {
        vi.stubEnv("HTTP_PROXY", proxy.url);
        const request = { method: "GET", url: new URL("/metrics", gateway.url), timeoutMs: 10_000 } as const;
        expect(await sendHttp(request)).toEqual({ status: 200, text: "" });
        expect(proxy.asked).toEqual([`GET ${gateway.url}/metrics`]);
        vi.stubEnv("NO_PROXY", "127.0.0.1");
        await sendHttp(request);
        expect(proxy.asked).toHaveLength(1);
        expect(gateway.asked).toHaveLength(2);
      }),
    ));
});
