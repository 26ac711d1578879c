// What `peek` shows: a table for people, one object a line for machines.
import type { Entry, ReceivedMessage } from "../../drainer/ports.ts";
import type { LoginRow } from "../../login/row.ts";
import type { Context } from "../context.ts";
import { writeJson } from "./json.ts";
import { paintFor, printable } from "./paint.ts";
import { columns, shorten } from "./table.ts";

/** A message, and what a drain would make of it. */
export interface Peeked {
  readonly message: ReceivedMessage;
  readonly entry: Entry;
}

export function writePeekedJson(context: Context, messages: readonly Peeked[]): void {
  for (const { message, entry } of messages) {
    const outcome = "row" in entry ? { login: entry.row } : { rejection: entry.rejection.reasons };
    writeJson(context.stdout, { ...heading(message), ...outcome });
  }
}

export function writeRawJson(context: Context, messages: readonly ReceivedMessage[]): void {
  for (const message of messages) writeJson(context.stdout, { ...heading(message), body: message.body });
}

function heading({ messageId, sentAt, receiveCount }: ReceivedMessage): Record<string, unknown> {
  return { messageId, sentAt: isoTime(sentAt), receiveCount: receiveCount ?? null };
}

/** Bodies, one a line; on a terminal without the characters that would steer it. */
export function writeRaw({ stdout }: Context, messages: readonly ReceivedMessage[]): void {
  for (const { body } of messages) stdout.write(`${stdout.isTerminal ? printable(body) : body}\n`);
}

const HEADINGS = ["user_id", "device", "ip", "device_id", "locale", "app_version", "create_date"];
const USER_ID_WIDTH = 12;

/** A table of shortened values, made for 80 columns; `--json` shows them whole. */
export function writePeeked(context: Context, messages: readonly Peeked[]): void {
  if (messages.length === 0) return;
  const logins = messages.flatMap(({ entry }) => ("row" in entry ? [entry.row] : []));
  const paint = paintFor(context.stdout, context.env);
  if (logins.length > 0) {
    const [heading = "", ...lines] = columns([HEADINGS, ...logins.map(cells)]).split(/(?<=\n)/);
    context.stdout.write(paint.bold(heading) + lines.join(""));
  }
  for (const { entry } of messages) {
    if (!("rejection" in entry)) continue;
    const reasons = entry.rejection.reasons.join("; ");
    context.stdout.write(`${paint.yellow("would be quarantined:")} ${entry.messageId}: ${reasons}\n`);
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
