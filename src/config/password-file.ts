// Finds a password in libpq's password file (PostgreSQL documentation, "The Password File").
import { printable } from "../failure.ts";
import { isMissing, whyUnreadable } from "./files.ts";
import { homeFile, ifPresent, type Sources } from "./sources.ts";

/** What an entry is chosen by. */
interface Login {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

const GROUP_AND_OTHERS = 0o077;

export interface PasswordFile {
  readonly path: string;
  /** Empty if there is no such file, or if it is ignored. */
  readonly text: string;
}

/**
 * The file that is named, or else the one in the home folder. It is ignored, with a warning, if others can access it, or if it is named and
 * cannot be read.
 */
export function readPasswordFile(named: string | undefined, sources: Sources): PasswordFile {
  const { env, readFile, fileMode, log } = sources;
  const path = named ?? ifPresent(homeFile(env, ".pgpass"), sources) ?? "";
  const ignored = (why: string): PasswordFile => {
    log.warn(`The password file ${printable(path)} is ignored: it ${why}.`);
    return { path, text: "" };
  };
  if (path === "") return { path, text: "" };
  try {
    const mode = fileMode(path) ?? 0;
    if ((mode & GROUP_AND_OTHERS) === 0) return { path, text: readFile(path) };
    return ignored("is accessible to its group or to others. Run chmod 600 on it");
  } catch (error) {
    return isMissing(error) ? { path, text: "" } : ignored(whyUnreadable(error));
  }
}

/** Where the libraries of upstream, Debian and Alpine expect the socket; libpq looks for `localhost` there. */
const SOCKET_FOLDERS: ReadonlySet<string> = new Set(["/tmp", "/var/run/postgresql", "/run/postgresql"]);

/**
 * The password of the first line that matches: `host:port:database:user:password`, with `*` for any value, and a backslash before each
 * colon or backslash that belongs to a value.
 *
 * @returns undefined if no line matches, or its password is empty
 */
export function passwordFor(text: string, { host, port, database, user }: Login): string | undefined {
  const wanted = [SOCKET_FOLDERS.has(host) ? "localhost" : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    const [entry, ...fields] = line.startsWith("#") ? [] : (ENTRY.exec(line) ?? []);
    // An escaped `*` is a value.
    const isMatch = wanted.every(
      (value, index) => fields[index] === "*" || unescaped(fields[index]) === value,
    );
    if (entry === undefined || !isMatch) continue;
    const password = unescaped(fields[wanted.length]);
    return password === "" ? undefined : password;
  }
  return undefined;
}

/** The five fields, still escaped. A password ends at a colon too, as for libpq. */
const ENTRY =
  /^((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\]|\\$)*)/;

function unescaped(field: string | undefined): string | undefined {
  return field?.replace(/\\(.)/g, "$1");
}
