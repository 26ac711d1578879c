// age identities for tests, in files as age-keygen writes them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";

export interface IdentityFile {
  readonly path: string;
  readonly text: string;
  readonly recipient: string;
}

/** Makes an identity, hands its file to `use`, and takes it away. */
export async function withIdentity<T>(use: (identity: IdentityFile) => Promise<T>): Promise<T> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  const text = `# public key: ${recipient}\n${identity}\n`;
  const folder = await mkdtemp(join(tmpdir(), "fetch-etl-identity-"));
  try {
    const path = join(folder, "identity.txt");
    await writeFile(path, text, { mode: 0o600 });
    return await use({ path, text, recipient });
  } finally {
    await rm(folder, { recursive: true });
  }
}
