// Databases of a test's own, and a role that owns nothing else: for tests that call the loader's functions in this process.
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { readDatabase, type DatabaseSettings } from "../../src/config/database.ts";
import { Problems } from "../../src/config/readers.ts";
import { sourcesOf } from "./sources.ts";

export interface Database {
  /** For the role. */
  readonly settings: DatabaseSettings;
  /** The superuser's session, without settings. */
  readonly sql: postgres.Sql;
}

export interface Databases {
  /** A role that may log in, and no more. */
  readonly role: string;
  /** The superuser's session on the server. */
  readonly admin: postgres.Sql;
  /**
   * Makes a database that the role owns.
   *
   * @param create what follows the name in `create database`
   */
  make(create?: string): Promise<Database>;
  /** As `alter role … in database … set`; a name that this Postgres does not know is left out. */
  set(database: Database, settings: Readonly<Record<string, string>>): Promise<void>;
  /** Settings for another role, which is made. */
  otherRole(database: Database, grants: string): Promise<DatabaseSettings>;
  dispose(): Promise<void>;
}

export async function openDatabases(url = inject("postgresUrl")): Promise<Databases> {
  const admin = postgres(url, { max: 1, onnotice: () => undefined });
  const made: Database[] = [];
  const roles: string[] = [];
  const makeRole = async (): Promise<string> => {
    const name = `r${randomBytes(6).toString("hex")}`;
    await admin.unsafe(`create role ${name} login password '${name}'`);
    roles.push(name);
    return name;
  };
  const role = await makeRole();
  const known = await admin<{ name: string }[]>`select name from pg_catalog.pg_settings`;
  const names = new Set(known.map(({ name }) => name.toLowerCase()));
  return {
    role,
    admin,
    make: async (create = "") => {
      const name = `d${randomBytes(6).toString("hex")}`;
      await admin.unsafe(`create database ${name} owner ${role} ${inject("createDatabase")} ${create}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      const database = {
        settings: settingsFor(own, role, role),
        sql: postgres(own.href, { max: 1, onnotice: () => undefined }),
      };
      made.push(database);
      return database;
    },
    set: async ({ settings: { database, user } }, settings) => {
      for (const [name, value] of Object.entries(settings)) {
        if (names.has(name))
          await admin.unsafe(`alter role ${user} in database ${database} set ${name} = ${value}`);
      }
    },
    otherRole: async ({ settings: { database }, sql }, grants) => {
      const name = await makeRole();
      await sql.unsafe(grants.replaceAll("somebody", name));
      const own = new URL(url);
      own.pathname = `/${database}`;
      return settingsFor(own, name, name);
    },
    dispose: async () => {
      for (const { settings, sql } of made) {
        await sql.end();
        await admin.unsafe(`drop database ${settings.database}`);
      }
      for (const name of roles) await admin.unsafe(`drop role ${name}`);
      await admin.end();
    },
  };
}

export function settingsFor(database: URL, user: string, password: string): DatabaseSettings {
  const url = new URL(database);
  url.username = user;
  url.password = password;
  const settings = readDatabase(sourcesOf({ DATABASE_URL: url.href }), new Problems());
  if (settings === undefined) throw new Error("no settings");
  return settings;
}
