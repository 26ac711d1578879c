import type { RecordedRequest } from "../../../postgres/access-log.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson } from "../../output.ts";
import { plural, printable, styleFor } from "../../terminal/style.ts";
import { columns, wrap } from "../../terminal/table.ts";

export function writeLogJson({ stdout }: Context, requests: readonly RecordedRequest[]): void {
  writeJson(stdout, {
    command: "log",
    requests: requests.map(({ at, endedAt, ...request }) => ({
      ...request,
      at: isoTime(at),
      endedAt: isoTime(endedAt),
    })),
  });
}

/** Two lines per request: when, what and its outcome; who and why. Long reasons are wrapped on a terminal. */
export function writeLog(context: Context, requests: readonly RecordedRequest[]): void {
  const { stdout, env } = context;
  const style = styleFor(stdout, env);
  stdout.write(`${style.bold("fetch_etl.reveal_log")}: ${plural(requests.length, "request")}\n`);
  const heads = columns(
    requests.map((request) => [
      (isoTime(request.at) ?? "-").slice(0, 19).replace("T", " "),
      printable(request.action),
      printable(request.outcome ?? "no outcome"),
      whatText(request),
    ]),
  ).split("\n");
  for (const [index, request] of requests.entries()) {
    const text = `${whoText(request)}: ${printable(request.reason)}`;
    const lines = stdout.columns === 0 ? [text] : wrap(text, stdout.columns - INDENT.length);
    stdout.write(`${[heads[index] ?? "", ...lines.map((line) => INDENT + line)].join("\n")}\n`);
  }
}

const INDENT = "  ";

function whatText({ tokens, messages }: RecordedRequest): string {
  const parts = [
    ...(tokens.length === 0 ? [] : [plural(tokens.length, "token")]),
    ...(messages.length === 0 ? [] : [plural(messages.length, "message")]),
  ];
  return parts.join(", ");
}

/** The operating system's user and the host are what the client said. */
function whoText({ databaseUser, clientUser, clientHost }: RecordedRequest): string {
  const client =
    clientUser === null ? "" : ` (${printable(clientUser)} on ${printable(clientHost ?? "unknown")})`;
  return printable(databaseUser) + client;
}
