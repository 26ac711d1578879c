import { expect, it } from "vitest";
import { readMetricsPush, type MetricsPushFlags } from "../../src/config/metrics-push.ts";
import { reading } from "./told.ts";

const read = (flags: MetricsPushFlags) =>
  reading((problems) => {
    const push = readMetricsPush(flags, problems);
    return push === undefined ? undefined : { host: push.host, url: push.url.reveal().href };
  });

it.each([
  ["http://pushgateway:9091", "pushgateway:9091", "http://pushgateway:9091/"],
  ["https://metrics.example/push/", "metrics.example", "https://metrics.example/push/"],
  ["http://vm:8428/api/v1/import/prometheus?extra_label=env=prod", "vm:8428", undefined],
])("takes %s", (text, host, url = text) => {
  expect(read({ metricsPush: text })).toEqual({ value: { host, url }, told: [] });
});

it("accepts a user and a password, and shows only the host", () => {
  const url = "https://etl:pa55%40word@gateway.example/";
  expect(read({ metricsPush: url })).toEqual({
    value: { host: "gateway.example", url },
    told: [],
  });
});

it.each<[string, MetricsPushFlags, string]>([
  ["what is no URL", { metricsPush: "s3cret" }, "is not a URL. Write it as http://pushgateway:9091."],
  ["an empty text", { metricsPush: "" }, "is not a URL."],
  ["another protocol", { metricsPush: "ftp://s3cret" }, "is not a URL."],
  ["a host without http://", { metricsPush: "s3cret:9091" }, "is not a URL."],
  [
    "the path of a group",
    { metricsPush: "http://h/metrics/job/s3cret" },
    "takes the URL without /metrics/job/…, which fetch-etl adds.",
  ],
  ["a password with a bare %", { metricsPush: "http://u:s3cret%@h" }, "Write % as %25."],
  ["a dry run", { metricsPush: "http://h", dryRun: true }, "--metrics-push cannot be used with --dry-run"],
])("rejects %s, without showing it", (_what, flags, says) => {
  const { told } = read(flags);
  expect(told).toEqual([expect.stringContaining(says)]);
  expect(told.join()).not.toContain("s3cret");
});
