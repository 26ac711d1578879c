// What `doctor` checks on this machine: versions, settings, files, keys.
import { failed, ok, skipped, warning, type Check } from "../../../doctor/check.ts";
import { readMaskingKeys } from "../../../config/masking-key.ts";
import { Problems } from "../../../config/readers.ts";
import { readRecipients } from "../../../config/recovery.ts";
import { parseReference } from "../../../config/secret-reference.ts";
import { SECRET_SETTINGS, type SecretSources } from "../../../config/secret-settings.ts";
import { Failure } from "../../../failure.ts";
import type { Context, Versions } from "../../context.ts";
import type { ResolvedSecret } from "../../secrets.ts";
import { plural, printable } from "../../terminal/style.ts";

export function checkVersions({ fetchEtl, node, nodeNeeded }: Versions): Check {
  const finding = `fetch-etl ${fetchEtl}, Node.js ${node}`;
  if (node.localeCompare(nodeNeeded, "en", { numeric: true }) >= 0) return ok("versions", finding);
  return failed("versions", finding, {
    kind: "configuration",
    message: `fetch-etl needs Node.js ${nodeNeeded} or later. Install it, or check which version comes first in PATH (cron has a short PATH).`,
  });
}

/** One check per mistake. */
export function checkSettings({ sentences }: Problems): readonly Check[] {
  if (sentences.length === 0) return [ok("settings", "queue and database are configured")];
  return sentences.map((message) => failed("settings", "invalid", { kind: "configuration", message }));
}

const SECRETS = [...SECRET_SETTINGS, "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

export function checkDotEnv({ fileMode, dotEnv }: Context): Check {
  if (dotEnv === undefined) return ok(".env", "none in this directory");
  const mode = fileMode(dotEnv.path);
  if (mode === undefined || !isShared(mode)) return ok(".env", "readable only by its owner");
  const holdsSecrets = SECRETS.some((name) => {
    const value = dotEnv.values[name] ?? "";
    return value !== "" && parseReference(value) === undefined;
  });
  if (!holdsSecrets) return ok(".env", "contains no secrets");
  return warning(
    ".env",
    `contains secrets, and others can read it (mode ${octal(mode)})`,
    `Run: chmod 600 ${printable(dotEnv.path)}`,
  );
}

/** One check per setting whose value is not in its variable, or could not be read; one if there is none. */
export function checkSecrets({
  resolved,
  fileMode,
}: {
  readonly resolved: readonly ResolvedSecret[];
  readonly fileMode: Context["fileMode"];
}): readonly Check[] {
  const checks = resolved.flatMap((secret) => {
    const { name, place } = secret;
    if ("failure" in secret) return [failed("secrets", `${name} has no value`, secret.failure)];
    if (place.kind === "variable") return [];
    // A list of masking keys in the variable: each of them can be a reference.
    const finding = `${name}: ${place.origin === name ? "a list with references" : place.origin}`;
    const mode = place.file === undefined ? undefined : fileMode(place.file);
    if (mode === undefined || !isShared(mode)) return [ok("secrets", finding)];
    const shared = `${finding}; others can read it (mode ${octal(mode)})`;
    return [warning("secrets", shared, `Run chmod 600 on the file that ${name}_FILE names.`)];
  });
  return checks.length === 0 ? [ok("secrets", "none outside the environment variables")] : checks;
}

/** With the ids of the keys, the one that masks first; empty if there is no usable key. */
export function checkMaskingKey(sources: SecretSources): {
  readonly check: Check;
  readonly keyIds: readonly string[];
} {
  const name = "masking key";
  const problems = new Problems();
  const keys = readMaskingKeys(sources, problems);
  if (keys === undefined) {
    const message = problems.sentences.join(" ");
    const check =
      message === ""
        ? skipped(name, "not checked: see secrets")
        : failed(name, "no usable key", { kind: "configuration", message });
    return { check, keyIds: [] };
  }
  const keyIds = keys.map(({ keyId }) => keyId);
  const [first, ...earlier] = keyIds;
  const finding = `id ${first ?? ""}${earlier.length === 0 ? "" : `, earlier ${earlier.join(", ")}`}`;
  return { check: ok(name, finding), keyIds };
}

export async function checkRecipient({ env, services }: Context): Promise<Check> {
  const name = "recipient";
  const problems = new Problems();
  const recipients = readRecipients(env, problems);
  try {
    problems.throwIfAny();
    if (recipients === undefined) return ok(name, "none: masked values are not stored in the vault");
    await services.createSealer(recipients);
    return ok(
      name,
      `${plural(recipients.length, "recipient")}: masked values are stored in the vault, encrypted`,
    );
  } catch (error) {
    if (error instanceof Failure) return failed(name, "no usable recipient", error);
    throw error;
  }
}

/** Whether the group or others can read it. */
function isShared(mode: number): boolean {
  return (mode & 0o044) !== 0;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
