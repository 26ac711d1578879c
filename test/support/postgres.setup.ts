// One Postgres for the whole test run; each test makes a database of its own in it.
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../sandbox/postgres.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** For the superuser `postgres`. */
    postgresUrl: string;
    /** What follows the name in `create database`, for one that is made in a third less time where that can be had. */
    createDatabase: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres({ inMemory: true });
  console.log(`PostgreSQL ${server.version}`);
  project.provide("postgresUrl", server.url);
  project.provide("createDatabase", parseInt(server.version) >= 15 ? "strategy file_copy" : "");
  return () => server.dispose();
}
