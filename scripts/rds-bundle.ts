// Compares the shipped certificates of Amazon RDS with the published ones: `npm run check:rds-bundle`, and `-- --update` to replace them.
import { X509Certificate } from "node:crypto";
import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PUBLISHED = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem";
const TIMEOUT_MS = 30_000;

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) {
  // Relative to dist/scripts, where this file runs.
  const shipped = fileURLToPath(new URL("../../src/postgres/rds-global-bundle.pem", import.meta.url));
  const update = process.argv.includes("--update");
  try {
    const { isSame, lines } = await checkBundle(shipped, PUBLISHED, update, Date.now());
    process.stdout.write(`${lines.join("\n")}\n`);
    process.exitCode = isSame ? 0 : 1;
  } catch (error) {
    process.stderr.write(`error: Cannot compare with ${PUBLISHED}: ${String(error)}\n`);
    process.exitCode = 2;
  }
}

interface Checked {
  /** Whether the shipped file, after an update, has the published certificates. */
  readonly isSame: boolean;
  readonly lines: readonly string[];
}

/**
 * @param shipped path of the shipped file
 * @param update whether to replace it with the published one if they differ
 * @param now epoch milliseconds
 * @throws Error if the published file cannot be downloaded, or has no certificates
 */
export async function checkBundle(
  shipped: string,
  published: string,
  update: boolean,
  now: number,
): Promise<Checked> {
  const response = await fetch(published, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  const [ours, theirs] = [certificatesOf(readFileSync(shipped, "utf8")), certificatesOf(text)];
  if (!response.ok || theirs.size === 0) {
    throw new Error(`${published} has no certificates (HTTP ${response.status})`);
  }
  const differences = [...without(theirs, ours, "missing here"), ...without(ours, theirs, "not published")];
  const expired = [...theirs.values()].filter(({ validTo }) => Date.parse(validTo) < now);
  if (update && differences.length > 0) writeFileSync(shipped, text);
  return {
    isSame: update || differences.length === 0,
    lines: [
      `${ours.size} certificates here, ${theirs.size} published`,
      ...differences,
      ...expired.map((certificate) => `expired: ${shown(certificate)}`),
      ...(update && differences.length > 0 ? [`replaced ${shipped}`] : []),
    ],
  };
}

type Certificates = ReadonlyMap<string, X509Certificate>;

/** The certificates in a PEM file, by their SHA-256 fingerprints. */
export function certificatesOf(text: string): Certificates {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const certificates = blocks.map((block) => new X509Certificate(block));
  return new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate]));
}

function without(all: Certificates, others: Certificates, what: string): string[] {
  return [...all].flatMap(([id, found]) => (others.has(id) ? [] : [`${what}: ${shown(found)}`]));
}

function shown({ subject, validTo, fingerprint256 }: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;
  return `${name}, valid to ${validTo}, SHA-256 ${fingerprint256}`;
}
