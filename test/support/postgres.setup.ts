// One Postgres for the whole test run; each test makes a database of its own in it.
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../sandbox/postgres.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** For the superuser `postgres`. */
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  console.log(`PostgreSQL ${server.version}`);
  project.provide("postgresUrl", server.url);
  return () => server.dispose();
}
