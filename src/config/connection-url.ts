// Reads a connection URL as libpq does (PostgreSQL documentation, "Connection URIs").
import { readParameters, type Parameters } from "./parameters.ts";
import type { Problems } from "./readers.ts";
import { sentence } from "./secret-settings.ts";
import type { Warnings } from "./sources.ts";

/** Stands for the hosts: URL requires one host, libpq allows none or several. */
const NO_HOST = "no-host.invalid";

/**
 * RFC 3986 with percent-encoding in every part, and parameters in the query.
 *
 * @returns undefined, with the mistake added to `problems`, if it is not a URL of Postgres
 */
export function parseUrl(
  text: string,
  source: string,
  problems: Problems,
  log: Warnings,
): Parameters | undefined {
  const parts = partsOf(text);
  if (parts === "not a URL") {
    problems.add(
      `${sentence(source)} is not a URL. Write postgres://user:password@host:5432/database, and percent-encode special characters in the password.`,
    );
    return undefined;
  }
  if (parts === "another scheme") {
    problems.add(`${sentence(source)} must begin with postgres:// or postgresql://.`);
    return undefined;
  }
  const { query, ...named } = parts;
  const found: Parameters = {};
  for (const name of ["host", "port", "user", "password", "dbname"] as const) {
    if (named[name] !== "") found[name] = named[name];
  }
  // libpq takes a plus literally; URLSearchParams would read it as a space.
  const pairs = new URLSearchParams(query.replaceAll("+", "%2B"));
  return { ...found, ...readParameters(pairs, source, problems, log) };
}

type Parts = Record<"host" | "port" | "user" | "password" | "dbname" | "query", string>;

function partsOf(text: string): Parts | "not a URL" | "another scheme" {
  const scheme = text.indexOf("://");
  const start = scheme + (scheme === -1 ? 1 : "://".length);
  const found = text.slice(start).search(/[/?#]/);
  const end = found === -1 ? text.length : start + found;
  const hosts = text.lastIndexOf("@", end - 1) < start ? start : text.lastIndexOf("@", end - 1) + 1;
  try {
    if (scheme === -1) return isOurs(new URL(text)) ? "not a URL" : "another scheme";
    const url = new URL(text.slice(0, hosts) + NO_HOST + text.slice(end));
    // A password with an unencoded `#` or `/` ends up here, and its user would be taken for the host.
    if (url.hash !== "" || url.pathname.includes("@")) return "not a URL";
    const servers = text.slice(hosts, end).split(",").map(hostAndPort);
    if (!isOurs(url)) return "another scheme";
    return {
      host: servers.some(({ host }) => host !== "") ? servers.map(({ host }) => host).join(",") : "",
      port: servers.map(({ port }) => port).join(","),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      dbname: decodeURIComponent(url.pathname.slice(1)),
      query: url.search,
    };
  } catch {
    return "not a URL";
  }
}

function isOurs({ protocol }: URL): boolean {
  return protocol === "postgres:" || protocol === "postgresql:";
}

/** @throws TypeError if they are not those of a URL */
function hostAndPort(text: string): { readonly host: string; readonly port: string } {
  if (text === "") return { host: "", port: "" };
  const { hostname, port } = new URL(`postgres://${text.startsWith(":") ? NO_HOST : ""}${text}`);
  const host = decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1");
  return { host: host === NO_HOST ? "" : host, port };
}
