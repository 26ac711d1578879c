// What `peek` shows: a table for people, one object a line for machines.
import type { ReceivedMessage } from "../../drainer/ports.ts";
import type { LoginRow } from "../../login/row.ts";
import type { Context } from "../context.ts";
import { writeJson } from "./json.ts";
import { paintFor, printable } from "./paint.ts";
import { columns, shorten } from "./table.ts";

/** A message as it would be loaded, or why it would not. */
export type Peeked = Pick<ReceivedMessage, "messageId" | "sentAt" | "receiveCount"> &
  ({ readonly login: LoginRow } | { readonly rejection: readonly string[] });

export function writePeekedJson(context: Context, messages: readonly Peeked[]): void {
  for (const { messageId, sentAt, receiveCount, ...outcome } of messages) {
    writeJson(context.stdout, {
      messageId,
      sentAt: isoTime(sentAt),
      receiveCount: receiveCount ?? null,
      ...outcome,
    });
  }
}

export function writeRawJson(context: Context, messages: readonly ReceivedMessage[]): void {
  for (const { messageId, sentAt, receiveCount, body } of messages) {
    writeJson(context.stdout, {
      messageId,
      sentAt: isoTime(sentAt),
      receiveCount: receiveCount ?? null,
      body,
    });
  }
}

/** Bodies, one a line; on a terminal without the characters that would steer it. */
export function writeRaw({ stdout }: Context, messages: readonly ReceivedMessage[]): void {
  for (const { body } of messages) stdout.write(`${stdout.isTerminal ? printable(body) : body}\n`);
}

const HEADINGS = ["user_id", "device", "ip", "device_id", "locale", "version", "date"];
const USER_ID_WIDTH = 14;

/** A table of shortened values, made for 80 columns; `--json` shows them whole. */
export function writePeeked(context: Context, messages: readonly Peeked[]): void {
  if (messages.length === 0) return;
  const logins = messages.flatMap((message) => ("login" in message ? [message.login] : []));
  const paint = paintFor(context.stdout, context.env);
  if (logins.length > 0) {
    const [heading = "", ...lines] = columns([HEADINGS, ...logins.map(cells)]).split(/(?<=\n)/);
    context.stdout.write(paint.bold(heading) + lines.join(""));
  }
  for (const message of messages) {
    if (!("rejection" in message)) continue;
    const reasons = message.rejection.join("; ");
    context.stdout.write(`${paint.yellow("would be quarantined:")} ${message.messageId}: ${reasons}\n`);
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

/** The first characters of a token that depend on the value: enough to see equal ones. */
function shortToken(token: string | null): string {
  if (token === null) return "-";
  return `${token.slice(token.lastIndexOf(".") + 1).slice(0, 9)}…`;
}

function isoTime(epochMs: number | undefined): string | null {
  return epochMs === undefined ? null : new Date(epochMs).toISOString();
}
