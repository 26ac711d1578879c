// The vault of a simulated world: the values behind the tokens, as drains keep them, and who opens them.
import { createSecretKey, randomBytes, type KeyObject } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { Entry, SealedValue, ValueSealer } from "../../src/drain/ports.ts";
import { NONCE_BYTES, unseal } from "../../src/masking/seal.ts";
import { Altered, createOpener, type Opener } from "../../src/recovery/identities.ts";
import { createSealer, sealValue, vaultContext } from "../../src/recovery/recipients.ts";
import type { Remasked } from "../../src/recovery/remask.ts";
import type { SealedEntry } from "../../src/recovery/reveal.ts";
import { SECRET } from "./sent.ts";
import type { Commit, World } from "./world.ts";

/** Two people can open the vault. */
const IDENTITIES = await Promise.all([generateX25519Identity(), generateX25519Identity()]);
const RECIPIENTS = await Promise.all(IDENTITIES.map(identityToRecipient));
/** For all worlds, because age takes milliseconds, and real time. */
const SEALER = await createSealer(RECIPIENTS, randomBytes);
const OPENED = await createOpener(IDENTITIES[1]).dataKey(SEALER.dataKey.sealed);

/** Opens what the sealers of the world sealed, with the second identity. */
export const OPENER: Opener = {
  dataKey: (sealed) => {
    const isReal = sealed === SEALER.dataKey.sealed;
    return Promise.resolve(isReal ? OPENED : createSecretKey(Buffer.from(sealed)));
  },
  value: (key, context, sealed) => {
    try {
      return unseal(key, sealed, vaultContext(context));
    } catch {
      throw new Altered();
    }
  },
};

const NONE: ReadonlySet<string> = new Set();

type VaultEntry = Omit<SealedEntry, "dataKey">;

export class SimulatedVault {
  /** Whether drains and replays have recipients. */
  readonly isKept: boolean;
  /** By token. */
  readonly entries = new Map<string, VaultEntry>();
  /** Tokens that `forget` deleted, and that no later commit brought back. */
  readonly forgotten = new Set<string>();
  /** The tokens in a copy of the table, which no rotation changes. */
  readonly inCopy = new Set<string>();
  readonly #dataKeys = new Map<string, Uint8Array>();
  readonly #world: World;
  /** Of each process. */
  readonly #sealers = new Map<string, Uint8Array>();

  constructor(world: World, isKept: boolean) {
    this.#world = world;
    this.isKept = isKept;
  }

  /** The sealer of a process; undefined without a vault. */
  sealerOf(process: string): ValueSealer | undefined {
    if (!this.isKept) return undefined;
    const { random } = this.#world;
    if (random.chance(0.05)) {
      this.#sealers.set(process, SEALER.dataKey.sealed);
      return SEALER;
    }
    const bytes = random.bytes(32);
    this.#sealers.set(process, bytes);
    const key: KeyObject = createSecretKey(bytes);
    return { seal: (masked) => sealValue(key, masked, masked.value, random.bytes(NONCE_BYTES)) };
  }

  /** An entry with its data key, as Postgres returns it. */
  read(token: string): SealedEntry | undefined {
    const entry = this.entries.get(token);
    return entry && { ...entry, dataKey: this.#dataKeys.get(entry.dataKeyId) ?? null };
  }

  /** The tokens of the entries' values that have an entry: a statement adds none for them, even if another deletes it before the commit. */
  known(entries: readonly Entry[]): ReadonlySet<string> {
    if (!this.isKept) return NONE;
    const tokens = entries.flatMap((entry) => (entry.kind === "row" ? entry.sealed : []));
    return new Set(tokens.map(({ token }) => token).filter((token) => this.entries.has(token)));
  }

  /** What the statement of a drain or a replay does for a new row. */
  keep(process: string, values: readonly SealedValue[], commit: Commit): void {
    const dataKey = this.#sealers.get(process);
    if (dataKey !== undefined && !this.#dataKeys.has(process)) {
      this.#dataKeys.set(process, dataKey);
      commit.undo.push(() => this.#dataKeys.delete(process));
    }
    for (const { field, type, token, sealed } of values) {
      this.#world.require(
        !Buffer.from(sealed).includes(SECRET),
        () => `a raw value is in the vault: ${token}`,
      );
      this.#add({ field, type, token, dataKeyId: process, sealed }, commit);
    }
  }

  /** What a rotation does with entries: the earlier ones stay. */
  copy(remasked: readonly Remasked[], commit: Commit): void {
    for (const { earlier, ...entry } of remasked) {
      this.#world.require(
        this.entries.has(earlier),
        () => `a rotation brings back ${earlier}, which was forgotten`,
      );
      this.#add(entry, commit);
    }
  }

  #add(entry: VaultEntry, commit: Commit): void {
    const { token } = entry;
    if (this.entries.has(token)) return;
    this.entries.set(token, entry);
    commit.undo.push(() => {
      this.entries.delete(token);
      // Somebody copied the table before the standby had this commit.
      this.inCopy.delete(token);
    });
    if (!this.forgotten.delete(token)) return;
    this.#world.note("vault", () => `has ${token} again, which was forgotten`);
    commit.undo.push(() => this.forgotten.add(token));
  }

  remove(token: string, commit: Commit): void {
    const entry = this.entries.get(token);
    if (entry === undefined) return;
    this.entries.delete(token);
    commit.undo.push(() => this.entries.set(token, entry));
  }

  forget(token: string, commit: Commit): void {
    this.remove(token, commit);
    this.forgotten.add(token);
    commit.undo.push(() => this.forgotten.delete(token));
  }
}
