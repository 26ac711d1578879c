// What `rotate`, `forget` and a purge of the quarantine do in the database.
import { Failure } from "../../src/failure.ts";
import type { MaskingKeys } from "../../src/masking/keys.ts";
import { keyIdOf, textMac } from "../../src/masking/token.ts";
import { createBodyOpener, createTokenReader } from "../../src/quarantine/message.ts";
import type { Remask, Remasked } from "../../src/recovery/remask.ts";
import type { SealedEntry } from "../../src/recovery/reveal.ts";
import type { Left, RotationTables } from "../../src/recovery/rotate.ts";
import { LOCKS_VAULT, type Change, type SimulatedDatabase } from "./database.ts";
import type { Life } from "./schedule.ts";
import type { Setup } from "./setups.ts";
import { DAY_MS, type Held } from "./tables.ts";
import type { Commit, World } from "./world.ts";

/** Rotations and `forget` run one at a time. */
const VAULT_LOCK = "lock of the vault";
/** Replays, purges and `forget` run one at a time. */
export const QUARANTINE_LOCK = "lock of the quarantine";

/** A rotation, and what its transactions changed. */
export interface Rotation {
  readonly tables: RotationTables;
  readonly changed: { rows: number; vault: number };
  /** What was left to rotate when its last transaction committed. */
  readonly leftLast: () => readonly Left[];
}

/**
 * @param keys the masking key to change to
 * @param stop the operator's signal
 */
export function openRotation(
  world: World,
  database: SimulatedDatabase,
  life: Life,
  { keyId, earlierTokens }: Pick<MaskingKeys, "keyId" | "earlierTokens">,
  remask: Remask,
  stop: AbortSignal,
): Rotation {
  const macOfEarlier = textMac(earlierTokens);
  const requireToGoOn = (): void => {
    world.require(!stop.aborted, () => `${life.name} begins a batch after a signal`);
  };
  const { vault } = database;
  const places = world.random.pick([1, 5, 50, 500]);
  const page = world.random.pick([1, 7, 50, 500]);
  const changed = { rows: 0, vault: 0 };
  let leftLast: readonly Left[] = [];
  const isEarlier = (token: string): boolean => keyIdOf(token) !== keyId;
  const read = (tokens: readonly string[]): SealedEntry[] =>
    tokens.flatMap((token) => vault.read(token) ?? []);
  const copy = (remasked: readonly Remasked[], commit: Commit): void => {
    for (const { token, earlier, earlierMac } of remasked) {
      world.require(
        !isEarlier(token) && token.split(".")[2] !== earlier.split(".")[2],
        () => `a rotation to ${keyId} makes ${token} of ${earlier}`,
      );
      world.require(
        earlierMac === macOfEarlier(earlier),
        () => `${earlier} does not lead to ${token}, which it became`,
      );
    }
    vault.copy(remasked, commit);
    if (remasked.length > 0) database.wroteAt.set(keyId, world.schedule.now);
  };
  const transaction = <T>(
    prepare: () => Change<T> | Promise<Change<T>>,
    ...locks: readonly string[]
  ): Promise<T> =>
    database.run(life, new Set([VAULT_LOCK, ...locks]), async () => {
      const change = await prepare();
      if ("error" in change) return change;
      return {
        ...change,
        apply: (commit) => {
          const answer = change.apply(commit);
          leftLast = left();
          return answer;
        },
      };
    });
  const changeRows = async (batch: number): Promise<Change<number>> => {
    const rows = [...database.rows.values()].filter(
      ({ place, token }) => Math.floor(place / places) === batch && isEarlier(token),
    );
    const remasked = await remask(read([...new Set(rows.map(({ token }) => token))]));
    const newTokens = new Map(remasked.map(({ earlier, token }) => [earlier, token]));
    return {
      writes: true,
      apply: (commit) => {
        copy(remasked, commit);
        const before = changed.rows;
        for (const row of rows) {
          const token = newTokens.get(row.token);
          if (token === undefined) continue;
          database.mask(row, token, commit);
          changed.rows += 1;
        }
        return changed.rows - before;
      },
    };
  };
  const copyEntries = async (after: string): Promise<Change<readonly string[]>> => {
    const next = [...vault.entries.keys()].filter((token) => token > after && isEarlier(token)).sort();
    const tokens = next.slice(0, page);
    const remasked = await remask(read(tokens));
    return {
      writes: true,
      apply: (commit) => {
        copy(remasked, commit);
        return tokens;
      },
    };
  };
  const deleteEntries = (tokens: readonly string[]): Change<number> => {
    const used = database.tokens();
    const unused = tokens.filter((token) => vault.entries.has(token) && !used.has(token));
    return {
      writes: true,
      apply: (commit) => {
        const stillUsed = database.tokens();
        for (const token of unused) {
          world.require(
            !stillUsed.has(token),
            () => `the entry of ${token} is deleted, which is still in a row`,
          );
          vault.remove(token, commit);
        }
        changed.vault += unused.length;
        return unused.length;
      },
    };
  };
  const left = (): Left[] => {
    const values = new Map<string, { values: number; inVault: number }>();
    for (const { token } of database.rows.values()) {
      if (!isEarlier(token)) continue;
      const of = values.get(keyIdOf(token)) ?? { values: 0, inVault: 0 };
      values.set(keyIdOf(token), of);
      of.values += 1;
      if (vault.entries.has(token)) of.inVault += 1;
    }
    return [...values].map(([id, of]) => ({ keyId: id, ...of }));
  };
  const tables: RotationTables = {
    rowBatches: Math.ceil(database.places / places),
    others: vault.inCopy.size > 0 ? ["public.copy"] : [],
    changeRows: (batch) => {
      requireToGoOn();
      return transaction(() => changeRows(batch));
    },
    copyEntries: (after) => {
      requireToGoOn();
      return transaction(() => copyEntries(after));
    },
    deleteEntries: (tokens) => transaction(() => deleteEntries(tokens), LOCKS_VAULT),
    left: () => transaction(() => ({ writes: false, apply: left })),
  };
  return { tables, changed, leftLast: () => leftLast };
}

/**
 * Deletes the entries of tokens and, on request, the quarantined messages that contain the same values.
 *
 * @throws {Failure} when a token is in none of them
 */
export function forget(
  database: SimulatedDatabase,
  life: Life,
  { keys, mapping }: Setup,
  tokens: readonly string[],
  purge: boolean,
): Promise<void> {
  const { vault } = database;
  return database.run(life, new Set([QUARANTINE_LOCK, VAULT_LOCK]), () => {
    const holding: Held[] = [];
    const found = new Set(tokens.filter((token) => vault.entries.has(token)));
    if (purge) {
      const open = createBodyOpener(keys);
      const tokensOf = createTokenReader(mapping, keys);
      for (const held of database.quarantine.values()) {
        const opened = open({ ...held, body: held.rejection.sealed });
        const inBody =
          opened.outcome === "opened" ? tokensOf(held, opened).filter((token) => tokens.includes(token)) : [];
        if (inBody.length > 0) holding.push(held);
        for (const token of inBody) found.add(token);
      }
    }
    if (found.size < tokens.length) return { error: new Failure("configuration", "Not in the vault.") };
    return {
      writes: true,
      apply: (commit) => {
        for (const token of tokens) vault.forget(token, commit);
        for (const held of holding) database.purge(held, commit);
      },
    };
  });
}

/** Messages per transaction of a purge. */
const PURGED_AT_ONCE = 7;

/** Deletes the messages that were quarantined at least `days` ago, one batch after the other. */
export async function purgeQuarantine(
  world: World,
  database: SimulatedDatabase,
  life: Life,
  days: number,
): Promise<void> {
  const before = world.schedule.now - days * DAY_MS;
  let purged = 1;
  while (purged > 0) {
    purged = await database.run(life, new Set([QUARANTINE_LOCK]), () => {
      const old = [...database.quarantine.values()]
        .filter(({ quarantinedAt }) => quarantinedAt <= before)
        .slice(0, PURGED_AT_ONCE);
      return {
        writes: true,
        apply: (commit) => {
          for (const held of old) database.purge(held, commit);
          return old.length;
        },
      };
    });
  }
}
