// What a script for this job does with a message: parse it, mask two fields, and return a row.
import { createHmac, randomBytes } from "node:crypto";
import type { LoginMessage } from "../../sandbox/messages.ts";

const key = randomBytes(32);

/** A row of `user_logins`. */
export interface LoginRow {
  readonly user_id: string;
  readonly device_type: string;
  readonly masked_ip: string;
  readonly masked_device_id: string;
  readonly locale: string | null;
  readonly app_version: number;
  readonly create_date: string;
}

/** Does not check that the body is a login, as a script would not. */
export function loginRow(body: string | undefined): LoginRow {
  const login = parse(body ?? "");
  return {
    user_id: login.user_id,
    device_type: login.device_type,
    masked_ip: mask(login.ip),
    masked_device_id: mask(login.device_id),
    locale: login.locale,
    app_version: parseInt(login.app_version, 10),
    create_date: new Date().toISOString().slice(0, 10),
  };
}

const parse: (body: string) => LoginMessage = JSON.parse;

function mask(value: string): string {
  return createHmac("sha256", key).update(value).digest("base64url");
}
