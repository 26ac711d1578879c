import { describe, expect, it } from "vitest";
import type { Login } from "../../src/login/decode.ts";
import { LOGIN_COLUMNS, toRow } from "../../src/login/row.ts";
import type { Mask } from "../../src/masking/token.ts";

const mask: Mask = {
  ip: (bytes) => `masked ip ${bytes.join(".")}`,
  deviceId: (bytes) => `masked device ${bytes.join(".")}`,
};

const login: Login = {
  userId: "u",
  appVersion: 2_003_001,
  deviceType: "ios",
  ip: Uint8Array.of(1, 2),
  locale: "RU",
  deviceId: Uint8Array.of(3, 4),
  createDate: "2023-01-31",
};

const nothing: Login = {
  userId: "u",
  appVersion: null,
  deviceType: null,
  ip: null,
  locale: null,
  deviceId: null,
  createDate: null,
};

describe("a row", () => {
  it("has the seven columns of the table, masked what is personal", () => {
    expect(toRow(login, mask, "2024-12-24")).toEqual({
      user_id: "u",
      device_type: "ios",
      masked_ip: "masked ip 1.2",
      masked_device_id: "masked device 3.4",
      locale: "RU",
      app_version: 2_003_001,
      create_date: "2023-01-31",
    });
  });

  it("has the columns in the table's order", () => {
    expect(LOGIN_COLUMNS).toEqual(Object.keys(toRow(login, mask, "2024-12-24")));
  });

  it("has the day on which the message was taken, where the message has none", () => {
    expect(toRow({ ...login, createDate: null }, mask, "2024-12-24").create_date).toBe("2024-12-24");
  });

  it("has NULL where the login has null, unmasked", () => {
    expect(toRow(nothing, mask, "2024-12-24")).toEqual({
      user_id: "u",
      device_type: null,
      masked_ip: null,
      masked_device_id: null,
      locale: null,
      app_version: null,
      create_date: "2024-12-24",
    });
  });

  it("keeps version 0, which is not no version", () => {
    expect(toRow({ ...login, appVersion: 0 }, mask, "2024-12-24").app_version).toBe(0);
  });
});
