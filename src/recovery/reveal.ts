// Decrypts vault entries: all of them, or none.
import type { KeyObject } from "node:crypto";
import { spellingOf } from "../mapping/masks.ts";
import { Altered, type Opener } from "./identities.ts";
import type { VaultContext } from "./recipients.ts";

/** An entry of the vault. It is untrusted. */
export interface SealedEntry extends VaultContext {
  /** A UUID. */
  readonly dataKeyId: string;
  readonly sealed: Uint8Array;
  /** Encrypted; null if the vault does not have it. */
  readonly dataKey: Uint8Array | null;
}

/** The value behind a token. */
export interface RevealedValue {
  readonly token: string;
  readonly field: string;
  /** Spelled as its type has it: IPv4-mapped addresses as IPv4, IPv6 as in RFC 5952. */
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
  for (const entry of entries) {
    const { token, dataKeyId, dataKey } = entry;
    if (dataKey === null) return { ok: false, token, why: "data key missing" };
    try {
      const key = dataKeys.get(dataKeyId) ?? (await opener.dataKey(dataKey));
      dataKeys.set(dataKeyId, key);
      values.push(open(opener, key, entry));
    } catch (error) {
      if (error instanceof Altered) return { ok: false, token, why: "altered" };
      throw error;
    }
  }
  return { ok: true, values };
}

/** The type in entries of the first version, which had none. */
export function typeOf({ field, type }: VaultContext): string {
  return type ?? (field === "ip" ? "ip" : "text");
}

function open(opener: Opener, key: KeyObject, entry: SealedEntry): RevealedValue {
  const { token, field, sealed } = entry;
  const spell = spellingOf(typeOf(entry));
  if (spell === undefined) throw new Altered();
  const bytes = opener.value(key, entry, sealed);
  try {
    return { token, field, value: spell(bytes) };
  } catch {
    // Not encrypted by a drain: someone with write access to the vault may know the recipients too.
    throw new Altered();
  }
}
