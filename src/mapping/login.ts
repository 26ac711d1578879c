// The built-in mapping: the login, in the form of a mapping's file.
import type { MappingFile } from "./schema.ts";

export const LOGIN: MappingFile = {
  version: 1,
  table: "public.user_logins",
  envelopes: ["sns"],
  columns: {
    user_id: { min: 1, max: 128, nullable: false },
    device_type: { max: 32 },
    masked_ip: { from: "ip", type: "ip", mask: "token", field: "ip" },
    masked_device_id: {
      from: "device_id",
      min: 1,
      normalize: ["uuid", "nil"],
      mask: "token",
      field: "device_id",
    },
    locale: { max: 32 },
    app_version: { type: "version" },
    create_date: { from: ["create_date", "$sent_at"], type: "date" },
  },
};

/** `full` stores major·1,000,000 + minor·1,000 + patch, `major` only the major part. */
export const APP_VERSION_STYLES = ["full", "major"] as const;
