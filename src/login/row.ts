// Pure: converts a decoded login into the seven columns of `user_logins`.
import type { Mask } from "../masking/token.ts";
import type { Login } from "./decode.ts";

/** A row of `user_logins`, with the table's names and types. `create_date` is `YYYY-MM-DD`. */
export interface LoginRow {
  readonly user_id: string;
  readonly device_type: string | null;
  readonly masked_ip: string | null;
  readonly masked_device_id: string | null;
  readonly locale: string | null;
  readonly app_version: number | null;
  readonly create_date: string;
}

/** The columns in the table's order. */
export const LOGIN_COLUMNS = [
  "user_id",
  "device_type",
  "masked_ip",
  "masked_device_id",
  "locale",
  "app_version",
  "create_date",
] as const satisfies readonly (keyof LoginRow)[];

/**
 * Converts a login into a row.
 *
 * @param receivedOn the day for messages without `create_date`, `YYYY-MM-DD`
 */
export function toRow(login: Login, mask: Mask, receivedOn: string): LoginRow {
  return {
    user_id: login.userId,
    device_type: login.deviceType,
    masked_ip: login.ip === null ? null : mask.ip(login.ip),
    masked_device_id: login.deviceId === null ? null : mask.deviceId(login.deviceId),
    locale: login.locale,
    app_version: login.appVersion,
    create_date: login.createDate ?? receivedOn,
  };
}
