// Which tokens replaced those of earlier masking keys. An earlier token is stored only as a MAC under the key that replaced it: who has the
// earlier key alone, for example because it leaked, cannot find the rows of a value.
import { textMac } from "../masking/token.ts";
import type { MaskingKeys } from "../masking/keys.ts";
import type { Remasked } from "../recovery/remask.ts";
import type { Transaction } from "./connection.ts";
import { exactly } from "./quarantined-message.ts";
import type { Right } from "./rights.ts";

export const TO_READ_REMASKED: Right = {
  table: "remasked",
  right: "select",
  columns: ["mac", "token", "at"],
};
export const TO_ADD_REMASKED: Right = { table: "remasked", right: "insert", columns: ["mac", "token"] };

/** What became of an earlier token. */
export interface Remasking {
  /** The token that replaced it last. */
  readonly token: string;
  /** When: ISO 8601 in UTC. */
  readonly at: string;
}

export async function rememberEarlier(tx: Transaction, remasked: readonly Remasked[]): Promise<void> {
  if (remasked.length === 0) return;
  await tx`
    insert into fetch_etl.remasked (mac, token)
    select pg_catalog.decode(mac, 'hex'), token
    from rows from (
      pg_catalog.unnest(${remasked.map(({ earlierMac }) => earlierMac)}::pg_catalog.text[]),
      pg_catalog.unnest(${remasked.map(({ token }) => token)}::pg_catalog.text[])
    ) as e (mac, token)
    order by mac collate pg_catalog."C"
    on conflict do nothing`;
}

/** More rotations than anybody runs. */
const MOST_STEPS = 50;

/**
 * Follows tokens that the vault does not contain to the tokens that replaced them, as far as the keys are configured.
 *
 * @returns by the given token; not those that no rotation replaced
 */
export async function followTokens(
  tx: Transaction,
  tokens: readonly string[],
  keys: readonly MaskingKeys[],
): Promise<ReadonlyMap<string, Remasking>> {
  const followed = new Map<string, Remasking>();
  const macs = keys.map(({ earlierTokens }) => textMac(earlierTokens));
  let lost = [...new Set(tokens)];
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const current = new Map(lost.map((token) => [token, followed.get(token)?.token ?? token]));
    const kept = await inVault(tx, [...current.values()]);
    lost = lost.filter((token) => !kept.has(current.get(token) ?? token));
    if (lost.length === 0) break;
    const sought = lost.flatMap((token) =>
      macs.map((macOf) => ({ token, mac: macOf(current.get(token) ?? token) })),
    );
    const rows = await tx<({ mac: string } & Remasking)[]>`
      select pg_catalog.encode(mac, 'hex') as mac, token, ${tx.unsafe(exactly("at"))} as at from fetch_etl.remasked
      where mac operator(pg_catalog.=) any (array(
        select pg_catalog.decode(hex, 'hex') from pg_catalog.unnest(${sought.map(({ mac }) => mac)}::pg_catalog.text[]) as hex))
      order by at`;
    for (const { mac, token, at } of rows)
      for (const each of sought) if (each.mac === mac) followed.set(each.token, { token, at });
    const found = new Set(rows.map(({ mac }) => mac));
    lost = [...new Set(sought.filter(({ mac }) => found.has(mac)).map(({ token }) => token))];
  }
  return followed;
}

async function inVault(tx: Transaction, tokens: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await tx<{ token: string }[]>`
    select token from fetch_etl.vault where token operator(pg_catalog.=) any(${[...tokens]}::pg_catalog.text[])`;
  return new Set(rows.map(({ token }) => token));
}
