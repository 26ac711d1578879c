// Decrypts what `recipients.ts` sealed, with an age identity. The only module that handles identities.
import { createSecretKey, type KeyObject } from "node:crypto";
import { Decrypter } from "age-encryption";
import { Failure } from "../failure.ts";
import { unseal } from "../masking/seal.ts";
import { DATA_KEY_BYTES, vaultContext, type VaultContext } from "./recipients.ts";

/** Decryption failed: the value, its token or its data key was changed after sealing. */
export class Altered extends Error {
  override readonly name = "Altered";
}

/** Decrypts sealed values. */
export interface Opener {
  /**
   * Decrypts a data key.
   *
   * @throws {Failure} `configuration` if the identity matches none of its recipients
   * @throws {Altered} if it was changed
   */
  dataKey(sealed: Uint8Array): Promise<KeyObject>;
  /**
   * Decrypts a value: the canonical bytes of its type.
   *
   * @throws {Altered} if it was changed, or belongs to another token or data key
   */
  value(key: KeyObject, context: VaultContext, sealed: Uint8Array): Uint8Array;
}

/**
 * Reads an identity file from age-keygen: lines `AGE-SECRET-KEY-1…` or `AGE-SECRET-KEY-PQ-1…`, and comment lines that begin with `#`.
 *
 * @throws {Failure} `configuration` if it contains no identity, or an unsupported one
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
        if (!(error instanceof Error && error.message.startsWith("no identity matched"))) throw new Altered();
        throw new Failure(
          "configuration",
          "The --identity file cannot decrypt all of these values, because some have other recipients. Add the missing identities, one per line.",
        );
      });
      if (bytes.length !== DATA_KEY_BYTES) throw new Altered();
      return createSecretKey(bytes);
    },
    value: (key, context, sealed) => {
      try {
        return unseal(key, sealed, vaultContext(context));
      } catch {
        throw new Altered();
      }
    },
  };
}

/** @param identityFile never shown: it may contain an identity */
function whyNoIdentity(identityFile: string): string {
  if (/^age-encryption\.org\/|^-----BEGIN AGE ENCRYPTED FILE-----/m.test(identityFile))
    return "The --identity file is encrypted with age, for example with a passphrase. Decrypt it first with age -d.";
  if (identityFile.split("\n").some((line) => line.trimStart().startsWith("AGE-PLUGIN-")))
    return (
      "The --identity file contains an identity of an age plugin, which is not supported. " +
      "Use a file with an AGE-SECRET-KEY-… from age-keygen."
    );
  if (/^-----BEGIN /m.test(identityFile))
    return (
      "The --identity file contains a PEM key, such as an SSH key, which is not supported. " +
      "Use a file with an AGE-SECRET-KEY-… from age-keygen."
    );
  return (
    "The --identity file contains no age identity, or contains other lines too. " +
    "Use a file with a line AGE-SECRET-KEY-1… from age-keygen."
  );
}
