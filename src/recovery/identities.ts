// The vault's key: opens what `recipients.ts` sealed, with an age identity. The only place that handles one.
import { createSecretKey, type KeyObject } from "node:crypto";
import { Decrypter } from "age-encryption";
import { Failure } from "../failure.ts";
import type { Field } from "../masking/keys.ts";
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
 * Reads an identity file as age-keygen writes it: lines `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`, comments after `#`.
 *
 * @throws {Failure} `configuration` when it holds no identity, or one that cannot be used here
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
  if (identities.length === 0) throw new Failure("configuration", whyNoIdentity(identityFile));
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

/** @param identityFile not shown: there may be an identity in it */
function whyNoIdentity(identityFile: string): string {
  if (/^age-encryption\.org\/|^-----BEGIN AGE ENCRYPTED FILE-----/m.test(identityFile))
    return "The --identity file is encrypted with age, as a passphrase protects it: decrypt it first, with age -d.";
  if (identityFile.split("\n").some((line) => line.trimStart().startsWith("AGE-PLUGIN-")))
    return "The --identity file holds an identity of an age plugin, which cannot be used here: name a file with the AGE-SECRET-KEY-… that age-keygen wrote.";
  if (/^-----BEGIN /m.test(identityFile))
    return "The --identity file holds a key in PEM, such as one for SSH, which cannot be used here: name a file with the AGE-SECRET-KEY-… that age-keygen wrote.";
  return "The --identity file holds no age identity, or something beside it: it has a line AGE-SECRET-KEY-1…, as age-keygen writes it.";
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
