// A bench whose drains keep a vault, and somebody who holds the identity to it.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import type { LoginMessage } from "../../sandbox/messages.ts";
import { withBench, type Bench, type Outcome } from "./bench.ts";

interface Holder {
  readonly identity: string;
  readonly recipient: string;
  /** Path of the identity's file, as age-keygen writes it. */
  readonly file: string;
}

export interface VaultBench extends Bench {
  /** Whose recipient the drains seal to. */
  readonly holder: Holder;
  /** Somebody else. */
  readonly makeHolder: (name: string) => Promise<Holder>;
  /** Sends the logins and drains them into the vault. */
  readonly drain: (logins: readonly LoginMessage[], env?: Readonly<Record<string, string>>) => Promise<void>;
  /** The tokens of a user's row. */
  readonly tokensOf: (userId: string) => Promise<{ ip: string; device_id: string }>;
  readonly reveal: (
    tokens: readonly string[],
    how?: { flags?: readonly string[]; file?: string; env?: Readonly<Record<string, string>> },
  ) => Promise<Outcome>;
}

export const REASON = "ticket 42: a device was reported stolen";

/** Well formed, and nobody's. */
export const UNKNOWN_TOKEN = `h1.AAAAAAAA.${"A".repeat(43)}`;

/** Makes a bench with a holder, hands it to `use`, and takes it down. */
export function withVault<T>(use: (bench: VaultBench) => Promise<T>): Promise<T> {
  return withBench(async (bench) => {
    const folder = await mkdtemp(join(tmpdir(), "fetch-etl-identity-"));
    const makeHolder = async (name: string): Promise<Holder> => {
      const identity = await generateX25519Identity();
      const recipient = await identityToRecipient(identity);
      const file = join(folder, name);
      await writeFile(file, `# created: today\n# public key: ${recipient}\n${identity}\n`, { mode: 0o600 });
      return { identity, recipient, file };
    };
    try {
      const holder = await makeHolder("holder");
      return await use({
        ...bench,
        holder,
        makeHolder,
        drain: async (logins, env = {}) => {
          await bench.send(logins.map((login) => JSON.stringify(login)));
          const settings = { FETCH_ETL_RECOVERY_RECIPIENT: holder.recipient, ...env };
          const { code, stderr } = await bench.run(["drain", "--quiet"], settings);
          if (code !== 0) throw new Error(`the drain failed: ${stderr}`);
        },
        tokensOf: async (userId) => {
          const [row] = await bench.sql<{ ip: string; device_id: string }[]>`
            select masked_ip as ip, masked_device_id as device_id from public.user_logins where user_id = ${userId}`;
          if (row === undefined) throw new Error("no such row");
          return { ip: row.ip, device_id: row.device_id };
        },
        reveal: (tokens, { flags = [], file = holder.file, env = {} } = {}) =>
          bench.run(["reveal", ...tokens, "--identity", file, "--reason", REASON, ...flags], {
            // It needs neither.
            FETCH_ETL_MASKING_KEY: undefined,
            AWS_ENDPOINT_URL_SQS: undefined,
            ...env,
          }),
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

/** A Postgres role of one's own with these rights and no others; `grants` calls it `somebody`. */
export async function asRole(
  { sql, databaseUrl }: Bench,
  grants: string,
): Promise<{ role: string; env: { DATABASE_URL: string } }> {
  const role = `r${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");
  await sql.unsafe(
    `create role ${role} login password '${password}'; ${grants.replaceAll("somebody", role)}`,
  );
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  return { role, env: { DATABASE_URL: url.href } };
}

/** A login as the app sends it. */
export function login(userId: string, ip: string, deviceId: string): LoginMessage {
  return {
    user_id: userId,
    app_version: "1.0",
    device_type: "ios",
    ip,
    locale: null,
    device_id: deviceId,
  };
}
