// The output of `peek`: a table, or one JSON object per line.
import type { Entry, ReceivedMessage } from "../../../drain/ports.ts";
import type { LoginRow } from "../../../login/row.ts";
import type { Context } from "../../context.ts";
import { isoTime, writeJson } from "../../output.ts";
import { styleFor, printable } from "../../terminal/style.ts";
import { columns, shorten } from "../../terminal/table.ts";

type Heading = Pick<ReceivedMessage, "messageId" | "sentAt" | "receiveCount">;

/** A message as a drain would load or quarantine it, without its body. */
export interface Shown {
  readonly heading: Heading;
  readonly outcome: { readonly login: LoginRow } | { readonly rejection: readonly string[] };
}

export function toShow({ messageId, sentAt, receiveCount }: ReceivedMessage, entry: Entry): Shown {
  return {
    heading: { messageId, sentAt, receiveCount },
    outcome: entry.kind === "row" ? { login: entry.row } : { rejection: entry.rejection.reasons },
  };
}

export function writePeekedJson(context: Context, messages: readonly Shown[]): void {
  for (const { heading, outcome } of messages)
    writeJson(context.stdout, { ...headingFields(heading), ...outcome });
}

export function writeRawJson(context: Context, message: ReceivedMessage): void {
  writeJson(context.stdout, { ...headingFields(message), body: message.body });
}

function headingFields({ messageId, sentAt, receiveCount }: Heading): Record<string, unknown> {
  return { messageId, sentAt: isoTime(sentAt), receiveCount: receiveCount ?? null };
}

/** One body per line. On a terminal, control characters are replaced. */
export function writeRaw({ stdout }: Context, { body }: ReceivedMessage): void {
  stdout.write(`${stdout.isTerminal ? printable(body) : body}\n`);
}

const HEADINGS = ["user_id", "device", "ip", "device_id", "locale", "app_version", "create_date"];
const USER_ID_WIDTH = 12;

/** A table of shortened values for 80 columns. `--json` shows full values. */
export function writePeeked(context: Context, messages: readonly Shown[]): void {
  if (messages.length === 0) return;
  const logins = messages.flatMap(({ outcome }) => ("login" in outcome ? [outcome.login] : []));
  const style = styleFor(context.stdout, context.env);
  if (logins.length > 0) {
    const [heading = "", ...lines] = columns([HEADINGS, ...logins.map(cells)]).split("\n");
    context.stdout.write([style.bold(heading), ...lines].join("\n"));
  }
  for (const { heading, outcome } of messages) {
    if (!("rejection" in outcome)) continue;
    const reasons = outcome.rejection.join("; ");
    context.stdout.write(`${style.yellow("would be quarantined:")} ${heading.messageId}: ${reasons}\n`);
  }
}

function cells(login: LoginRow): string[] {
  return [
    shorten(printable(login.user_id), USER_ID_WIDTH),
    shortOrNone(login.device_type, 8),
    shortToken(login.masked_ip),
    shortToken(login.masked_device_id),
    shortOrNone(login.locale, 6),
    login.app_version === null ? "-" : String(login.app_version),
    login.create_date,
  ];
}

function shortOrNone(text: string | null, width: number): string {
  return text === null ? "-" : shorten(printable(text), width);
}

/** The first characters of the token's last part, which depends on the value: enough to recognize equal ones. */
function shortToken(token: string | null): string {
  if (token === null) return "-";
  return `${token.slice(token.lastIndexOf(".") + 1).slice(0, 9)}…`;
}
