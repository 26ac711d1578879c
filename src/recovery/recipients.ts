// Encrypts values for the vault, so that only the recipients' identities can decrypt them. Handles no identity.
import { createSecretKey, randomUUID, type KeyObject } from "node:crypto";
import { Encrypter } from "age-encryption";
import { Failure } from "../failure.ts";
import type { MaskedValue } from "../mapping/mapping.ts";
import { NONCE_BYTES, seal } from "../masking/seal.ts";

/**
 * The additional authenticated data of a sealed value: it can be decrypted only for the same field, token and type.
 *
 * @param type null in entries of the first version
 */
export function vaultContext({ field, token, type }: VaultContext): string {
  return JSON.stringify(["fetch-etl/v1/vault", field, token, ...(type === null ? [] : [type])]);
}

/** What an entry of the vault tells of its value. */
export interface VaultContext {
  readonly field: string;
  readonly token: string;
  readonly type: string | null;
}

const NONCES_AT_ONCE = 1024;
/** Length of a data key, bytes: AES-256. */
export const DATA_KEY_BYTES = 32;

/** Encrypts the values of one run with its own data key. */
export interface Sealer {
  readonly dataKey: SealedDataKey;
  /** AES-256-GCM: nonce, ciphertext and tag. */
  seal(value: MaskedValue): Uint8Array;
}

/** A data key, encrypted to the recipients in the age format (age-encryption.org/v1). */
export interface SealedDataKey {
  /** A UUID. */
  readonly id: string;
  readonly sealed: Uint8Array;
}

/**
 * Creates a data key and encrypts it to the recipients. The plain key stays in this process's memory.
 *
 * @param recipients age public keys, `age1…` or `age1pq1…`
 * @throws {Failure} `configuration` if one is invalid
 */
export async function createSealer(
  recipients: readonly string[],
  randomBytes: (length: number) => Uint8Array,
): Promise<Sealer> {
  const bytes = randomBytes(DATA_KEY_BYTES);
  const dataKey = { id: randomUUID(), sealed: await encrypterTo(recipients).encrypt(bytes) };
  const key = createSecretKey(bytes);
  const nonce = nonces(randomBytes);
  return { dataKey, seal: (masked) => sealValue(key, masked, masked.value, nonce()) };
}

/**
 * Encrypts a value with a data key.
 *
 * @param nonce random, never used before
 */
export function sealValue(
  key: KeyObject,
  context: VaultContext,
  value: Uint8Array,
  nonce: Uint8Array,
): Uint8Array {
  return seal(key, value, vaultContext(context), nonce);
}

/** Random nonces, drawn in blocks: single draws take half as long as an encryption. */
export function nonces(randomBytes: (length: number) => Uint8Array): () => Uint8Array {
  let block = new Uint8Array();
  let next = 0;
  return () => {
    if (next === block.length) {
      block = Uint8Array.from(randomBytes(NONCE_BYTES * NONCES_AT_ONCE));
      next = 0;
    }
    next += NONCE_BYTES;
    return block.subarray(next - NONCE_BYTES, next);
  };
}

function encrypterTo(recipients: readonly string[]): Encrypter {
  const encrypter = new Encrypter();
  for (const [index, recipient] of recipients.entries()) {
    try {
      encrypter.addRecipient(recipient);
    } catch {
      // Not shown: it may be an identity, set by mistake.
      throw new Failure(
        "configuration",
        `FETCH_ETL_RECOVERY_RECIPIENT: number ${index + 1} is not an age recipient. Check it for typing errors.`,
      );
    }
  }
  return encrypter;
}
