import type { ActionFor, CliCommand } from "../../command.ts";

export function defineKeygen(program: CliCommand, action: ActionFor): void {
  program
    .command("keygen")
    .summary("print a new masking key as a line for .env")
    .description("Prints a new masking key as a line for .env.")
    .option("--kms <key>", "print it encrypted with this KMS key: id, ARN or alias")
    .option("--force", "print a key even if .env already contains one")
    .example("fetch-etl keygen >> .env", "create a masking key, once")
    .example("fetch-etl keygen --kms alias/etl >> .env", "create one that only KMS can decrypt")
    .reads("aws")
    .action(action(async () => (await import("./run.ts")).runKeygen));
}
