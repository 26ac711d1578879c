// Small faults of rotations, `forget`, the purge, and other keys and mappings that the simulation must find, as in mutants.ts.
import type { Mutant } from "./mutants.ts";

const DRAIN = "src/drain";
const WORLD = "test/simulation";
const RECOVERY = "src/recovery";

export const RECOVERY_MUTANTS: readonly Mutant[] = [
  {
    name: "seals a value as it was spelt before",
    file: `${RECOVERY}/remask.ts`,
    from: "sealed: sealValue(key, context, current, nonce())",
    to: "sealed: sealValue(key, context, value, nonce())",
  },
  {
    name: "counts what is left before it changes the vault",
    file: `${RECOVERY}/rotate.ts`,
    from: "  const vault = await rotateVault(tables, stop);\n",
    to:
      "  const left = await tables.left();\n" +
      "  const vault = await rotateVault(tables, stop);\n" +
      "  tables = { ...tables, left: () => Promise.resolve(left) };\n",
  },
  {
    name: "counts the rejected messages of a replay before it has loaded the others",
    file: "src/quarantine/replay.ts",
    from: "    await write(batch);\n    const rejected = messages.filter(staysRejected);\n",
    to: "    const rejected = messages.filter(staysRejected);\n    await write(batch);\n",
  },
  {
    name: "rotates the vault before the rows",
    file: `${RECOVERY}/rotate.ts`,
    from: "  let rows = 0;\n",
    to: "  let rows = 0;\n  await rotateVault(tables, stop);\n  tables = { ...tables, copyEntries: () => Promise.resolve([]) };\n",
  },
  {
    name: "leaves the rows of the last batch",
    file: `${RECOVERY}/rotate.ts`,
    from: "batch < tables.rowBatches && !stop.aborted",
    to: "batch < tables.rowBatches - 1 && !stop.aborted",
  },
  {
    name: "deletes entries that other tables need",
    file: `${RECOVERY}/rotate.ts`,
    from: "    if (tables.others.length > 0) copied = [];\n",
    to: "",
  },
  {
    name: "deletes only the entries that it copied last",
    file: `${RECOVERY}/rotate.ts`,
    from: "    copied.push(...tokens);\n",
    to: "    if (tokens.length > 0) copied = [...tokens];\n",
  },
  {
    name: "copies only the first entries of each earlier key",
    file: `${RECOVERY}/rotate.ts`,
    from: "after = tokens.at(-1) ?? after;",
    to: "after = (tokens.at(-1) ?? after).slice(0, 11) + '~';",
  },
  {
    name: "counts only the rows of the last batch",
    file: `${RECOVERY}/rotate.ts`,
    from: "rows += await tables.changeRows(batch);",
    to: "rows = await tables.changeRows(batch);",
  },
  {
    name: "seals a value for its earlier token",
    file: `${RECOVERY}/remask.ts`,
    from: "sealed: sealValue(key, context, current, nonce())",
    to: "sealed: sealValue(key, { ...context, token: earlier }, current, nonce())",
  },
  {
    name: "masks with the oldest key",
    file: `${RECOVERY}/remask.ts`,
    from: "token: maskOf(keys[0], field)(current)",
    to: "token: maskOf(keys.at(-1) ?? keys[0], field)(current)",
  },
  {
    name: "turns the bytes of some values round",
    file: `${RECOVERY}/remask.ts`,
    from: "    const value = opener.value(key, entry, entry.sealed);\n",
    to:
      "    const value = opener.value(key, entry, entry.sealed);\n" +
      "    if (value.length % 2 === 0) value.reverse();\n",
  },
  {
    name: "keeps no values of the later records of a message",
    file: `${DRAIN}/entry.ts`,
    from: "const sealed = this.#sealed(masked);",
    to: "const sealed = index === 0 ? this.#sealed(masked) : [];",
  },
  {
    name: "seals a value without its last byte",
    file: `${DRAIN}/entry.ts`,
    from: "sealed: sealer.seal(value)",
    to: "sealed: sealer.seal({ ...value, value: value.value.subarray(0, -1) })",
  },
  {
    name: "opens bodies with the first key only",
    file: "src/quarantine/message.ts",
    from: "keys.find(({ keyId }) => keyId === body.keyId)",
    to: "keys[0]",
  },
  {
    name: "does not open bodies of earlier keys",
    file: "src/quarantine/message.ts",
    from: "keys.find(({ keyId }) => keyId === body.keyId)",
    to: "keys.slice(0, 1).find(({ keyId }) => keyId === body.keyId)",
  },
  {
    name: "names another key in a sealed body",
    file: `${DRAIN}/entry.ts`,
    from: "const sealed = { keyId: keys.keyId, bytes };",
    to: "const sealed = { keyId: keys.keyId.toLowerCase(), bytes };",
  },
  {
    name: "marks a message as replayed whose records the mapping still rejects",
    file: "src/quarantine/replay.ts",
    from: "    message.rejected = item.rejected ?? message.rejected;\n",
    to: "",
  },
  {
    name: "loads messages that were purged in the meantime (model)",
    file: `${WORLD}/loader.ts`,
    from: "const held = records.filter((record) => find(record.held) !== undefined);",
    to: "const held = records;",
  },
  {
    name: "prunes the entries of messages that a replay may load (model)",
    file: `${WORLD}/tables.ts`,
    from: " || kept.has(`${sentAt} ${messageId}`)",
    to: "",
  },
  {
    name: "purges while a replay loads (model)",
    file: `${WORLD}/recovery.ts`,
    from: "purged = await database.run(life, new Set([QUARANTINE_LOCK]), () => {",
    to: "purged = await database.run(life, new Set(), () => {",
  },
  {
    name: "rotates while values are forgotten (model)",
    file: `${WORLD}/recovery.ts`,
    from: "database.run(life, new Set([VAULT_LOCK, ...locks]), async",
    to: "database.run(life, new Set(locks), async",
  },
  {
    name: "deletes entries while drains write (model)",
    file: `${WORLD}/recovery.ts`,
    from: "transaction(() => deleteEntries(tokens), LOCKS_VAULT)",
    to: "transaction(() => deleteEntries(tokens))",
  },
  {
    name: "deletes entries of tokens that are in a row (model)",
    file: `${WORLD}/recovery.ts`,
    from: "vault.entries.has(token) && !used.has(token)",
    to: "vault.entries.has(token) && used.size >= 0",
  },
  {
    name: "forgets the token after each of the tokens too (model)",
    file: `${WORLD}/recovery.ts`,
    from: "for (const token of tokens) vault.forget(token, commit);",
    to:
      "for (const token of tokens) {\n" +
      "          vault.forget(token, commit);\n" +
      "          const [next] = [...vault.entries.keys()];\n" +
      "          if (next !== undefined) vault.remove(next, commit);\n" +
      "        }",
  },
  {
    name: "forgets nothing (model)",
    file: `${WORLD}/vault.ts`,
    from: "    this.remove(token, commit);\n    this.forgotten.add(token);",
    to: "    this.forgotten.add(token);",
  },
  {
    name: "keeps the values of duplicates only (model)",
    file: `${WORLD}/tables.ts`,
    from: "      const values = entry.sealed.filter((value) => !inVault.has(value.token));\n",
    to: "      const values = entry.sealed.filter((value) => inVault.has(value.token));\n",
  },
  {
    name: "seals a value as one of the type that the mapping had before",
    file: "src/recovery/remask.ts",
    from: "if (field?.type !== type) return value;",
    to: "if (field === undefined) return value;",
  },
  {
    name: "needs the earlier masking key to change a token",
    file: "src/recovery/remask.ts",
    from: "if (earlierKeys !== undefined && maskOf",
    to: "if (earlierKeys === undefined || maskOf",
  },
];
