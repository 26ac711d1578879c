// The vault's key: opens what `recipients.ts` sealed, with an age identity. The only place that handles one.
import { createSecretKey, type KeyObject } from "node:crypto";
import { Decrypter } from "age-encryption";
import { Failure } from "../failure.ts";
import type { Field } from "../masking/field.ts";
import { unseal } from "../masking/seal.ts";
import { DATA_KEY_BYTES, vaultContext } from "./recipients.ts";

/** A sealed value could not be opened: it, its token or its data key was changed after it was sealed. */
export class Altered extends Error {
  override readonly name = "Altered";
}

/** Opens sealed values. */
export interface Opener {
  /**
   * A data key.
   *
   * @throws {Failure} `configuration` when the identity is not one of its recipients'
   * @throws {Altered} when it was changed
   */
  dataKey(sealed: Uint8Array): Promise<KeyObject>;
  /**
   * A value: 16 bytes of an address, or a device id's UTF-8.
   *
   * @throws {Altered} when it was changed, or belongs to another token or data key
   */
  value(key: KeyObject, field: Field, token: string, sealed: Uint8Array): Uint8Array;
}

/**
 * Reads an identity file as age-keygen writes it: a line `AGE-SECRET-KEY-1…`, comments after `#`.
 *
 * @throws {Failure} `configuration` when it holds no identity
 */
export function createOpener(identityFile: string): Opener {
  const identities = identityFile
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const decrypter = new Decrypter();
  try {
    for (const identity of identities) decrypter.addIdentity(identity);
  } catch {
    identities.length = 0;
  }
  if (identities.length === 0) {
    throw new Failure(
      "configuration",
      "The --identity file holds no age identity: a line AGE-SECRET-KEY-1…, as age-keygen writes it.",
    );
  }
  return {
    dataKey: async (sealed) => {
      const bytes = await decrypter.decrypt(sealed).catch((error: unknown) => {
        throw isForOthers(error) ? wrongIdentity() : new Altered();
      });
      if (bytes.length !== DATA_KEY_BYTES) throw new Altered();
      return createSecretKey(bytes);
    },
    value: (key, field, token, sealed) => {
      try {
        return unseal(key, sealed, vaultContext(field, token));
      } catch {
        throw new Altered();
      }
    },
  };
}

function isForOthers(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("no identity matched");
}

function wrongIdentity(): Failure {
  return new Failure(
    "configuration",
    "The --identity file does not open all of these values: they were sealed to other recipients. It may hold several identities, one a line.",
  );
}
