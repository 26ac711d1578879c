// What somebody has who took a dump of the database and everything on the loading host: it must not be enough.
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, it } from "vitest";
import { deriveKeys } from "../../src/masking/keys.ts";
import { unseal } from "../../src/masking/seal.ts";
import { vaultContext } from "../../src/recovery/recipients.ts";
import { makeMessages } from "../chaos/invariant.ts";
import { withBench } from "../support/bench.ts";
import { everyValue } from "../support/every-value.ts";

const MESSAGES = 60;

it("a dump of the database with the loading host's whole environment opens no sealed value", async () => {
  const recipient = await identityToRecipient(await generateX25519Identity());
  await withBench(async (bench) => {
    const sent = makeMessages(MESSAGES);
    await bench.send(sent.bodies);
    const host = { ...bench.env, FETCH_ETL_RECOVERY_RECIPIENT: recipient };
    const drained = await bench.run(["drain", "--json"], host);
    expect(drained.code).toBe(0);

    const dump = await everyValue(bench.sql);
    const output = drained.stdout + drained.stderr;
    expect(sent.personal.filter((value) => (dump.all + output).includes(value))).toEqual([]);

    // Every key that anything on the host, or in the dump, could be or give.
    const master = Buffer.from(bench.env["FETCH_ETL_MASKING_KEY"] ?? "", "base64");
    const { ofField, quarantine, body, idempotency } = deriveKeys(master);
    const texts = [...Object.values(host), ...dump.texts].map((text) => Buffer.from(text));
    const keys: KeyObject[] = [ofField("ip"), ofField("device_id"), quarantine, body, idempotency];
    for (const bytes of [master, ...texts, ...dump.bytes]) {
      if (bytes.length >= 32) keys.push(createSecretKey(bytes.subarray(0, 32)));
      keys.push(createSecretKey(Buffer.from(hkdfSync("sha256", bytes, "", "fetch-etl/v1/vault", 32))));
    }
    const entries = await bench.sql<{ token: string; field: string; type: string; sealed: Buffer }[]>`
      select token, field, type, sealed from fetch_etl.vault`;
    expect(entries.length).toBeGreaterThan(MESSAGES);
    const opens = (key: KeyObject, entry: (typeof entries)[number]): boolean => {
      try {
        unseal(key, entry.sealed, vaultContext(entry));
        return true;
      } catch {
        return false;
      }
    };
    for (const entry of entries.slice(0, 20)) expect(keys.some((key) => opens(key, entry))).toBe(false);

    const [dataKey] = await bench.sql<{ sealed: Buffer }[]>`select sealed from fetch_etl.vault_keys`;
    const stranger = new Decrypter();
    stranger.addIdentity(await generateX25519Identity());
    await expect(stranger.decrypt(dataKey?.sealed ?? new Uint8Array())).rejects.toThrow(
      "no identity matched",
    );
    const guesser = new Decrypter();
    expect(() => {
      guesser.addIdentity(recipient);
    }).toThrow();
  });
});
