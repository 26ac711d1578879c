// Decrypts vault entries: all of them, or none.
import type { KeyObject } from "node:crypto";
import { spellIp } from "../masking/canonical.ts";
import type { Field } from "../masking/keys.ts";
import { Altered, type Opener } from "./identities.ts";

/** An entry of the vault. It is untrusted. */
export interface SealedEntry {
  readonly token: string;
  /** A {@link Field}, unless it was altered. */
  readonly field: string;
  /** A UUID. */
  readonly dataKeyId: string;
  readonly sealed: Uint8Array;
  /** Encrypted; null if the vault does not have it. */
  readonly dataKey: Uint8Array | null;
}

/** The value behind a token. */
export interface RevealedValue {
  readonly token: string;
  readonly field: Field;
  /** An address (IPv4-mapped ones as IPv4, IPv6 as in RFC 5952), or a device id. */
  readonly value: string;
}

/** The values in the entries' order, or the first entry that cannot be decrypted. */
export type Revealed =
  | { readonly ok: true; readonly values: readonly RevealedValue[] }
  | { readonly ok: false; readonly token: string; readonly why: "altered" | "data key missing" };

/** @throws {Failure} `configuration` if the identity matches none of the recipients */
export async function revealEntries(opener: Opener, entries: readonly SealedEntry[]): Promise<Revealed> {
  const dataKeys = new Map<string, KeyObject>();
  const values: RevealedValue[] = [];
  for (const { token, field, dataKeyId, sealed, dataKey } of entries) {
    if (dataKey === null) return { ok: false, token, why: "data key missing" };
    try {
      const key = dataKeys.get(dataKeyId) ?? (await opener.dataKey(dataKey));
      dataKeys.set(dataKeyId, key);
      values.push(open(opener, key, token, field, sealed));
    } catch (error) {
      if (error instanceof Altered) return { ok: false, token, why: "altered" };
      throw error;
    }
  }
  return { ok: true, values };
}

function open(
  opener: Opener,
  key: KeyObject,
  token: string,
  field: string,
  sealed: Uint8Array,
): RevealedValue {
  if (field !== "ip" && field !== "device_id") throw new Altered();
  const bytes = opener.value(key, field, token, sealed);
  try {
    const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { token, field, value: field === "ip" ? spellIp(bytes) : utf8.decode(bytes) };
  } catch {
    // Not encrypted by a drain: someone with write access to the vault may know the recipients too.
    throw new Altered();
  }
}
