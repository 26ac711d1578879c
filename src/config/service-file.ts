// Reads a service from libpq's service file (PostgreSQL documentation, "The Connection Service File").
import { join } from "node:path";
import { printable } from "../failure.ts";
import { readNamedFile } from "./files.ts";
import { readParameters, type Parameters, type Source } from "./parameters.ts";
import type { Problems } from "./readers.ts";
import { homeFile, ifPresent, type Sources } from "./sources.ts";

/** Anything else is not printed: a secret may have been set in its place. */
const SERVICE_NAME = /^[\w.-]{1,63}$/;

/**
 * The parameters of the service that the URL or PGSERVICE names. It is searched in PGSERVICEFILE or the user's service file, then in the
 * one in PGSYSCONFDIR.
 *
 * @returns nothing in the list if no service is named; undefined, with the mistake added to `problems`, if it is not found or not valid
 */
export function readService(
  { service = "", servicefile }: Parameters,
  sources: Sources,
  problems: Problems,
): readonly Source[] | undefined {
  if (service === "") return [];
  const name = `service ${SERVICE_NAME.test(service) ? service : "(not shown)"}`;
  const { env, readFile, log } = sources;
  const folder = env["PGSYSCONFDIR"];
  const paths = [
    servicefile ?? ifPresent(homeFile(env, ".pg_service.conf"), sources),
    ifPresent(folder === undefined ? undefined : join(folder, "pg_service.conf"), sources),
  ];
  for (const path of paths) {
    if (path === undefined) continue;
    const text = readNamedFile(path, "PGSERVICEFILE", readFile, problems);
    if (text === undefined) return undefined;
    const pairs = findService(text, service);
    if (pairs === undefined) continue;
    if (typeof pairs === "number") {
      problems.add(
        `PGSERVICEFILE: line ${pairs} of the file ${printable(path)} is not a parameter. Write name=value, without blanks around the =.`,
      );
      return undefined;
    }
    return [{ name, parameters: readParameters(pairs, name, problems, log) }];
  }
  problems.add(
    `No file defines ${name}. Check PGSERVICE, or service in DATABASE_URL, and the file: ` +
      "PGSERVICEFILE, ~/.pg_service.conf, or pg_service.conf in PGSYSCONFDIR.",
  );
  return undefined;
}

type Pair = readonly [name: string, value: string];

/**
 * The parameters of the section `[service]`; of two with the same name, the first.
 *
 * @returns undefined if there is no such section; the number of the first line that is not a parameter
 */
function findService(text: string, service: string): readonly Pair[] | number | undefined {
  const pairs = new Map<string, string>();
  let isFound = false;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    if (line.startsWith("[")) {
      if (isFound) break;
      isFound = line === `[${service}]`;
    } else if (isFound) {
      const equals = line.indexOf("=");
      const [name, value] = [line.slice(0, equals), line.slice(equals + 1)];
      // libpq counts a blank as a part of the name or the value.
      if (equals < 1 || name !== name.trim() || value !== value.trim()) return index + 1;
      // libpq follows no service from within a service.
      if (name.startsWith("service")) return index + 1;
      if (!pairs.has(name)) pairs.set(name, value);
    }
  }
  return isFound ? [...pairs] : undefined;
}
