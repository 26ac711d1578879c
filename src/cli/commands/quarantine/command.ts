import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, withMappingOptions } from "../../option.ts";

export function defineQuarantine(program: CliCommand, action: ActionFor): void {
  const quarantine = program
    .command("quarantine")
    .helpGroup("Load:")
    .summary("list, inspect, replay or purge rejected messages")
    .description("Lists, shows, replays and purges the messages in fetch_etl.quarantine.");
  quarantine
    .command("list")
    .summary("count quarantined messages by reason")
    .description(
      "Counts the quarantined messages by reason, with the oldest date and an example id for each.",
    )
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine list", "count the messages, with an example id for each reason")
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runQuarantineList));
  quarantine
    .command("show")
    .summary("show one quarantined message")
    .description(
      "Shows one quarantined message and why it was rejected. With --raw, also decrypts its body with the masking key and prints it.",
    )
    .argument("<id>", "message id")
    .option("--raw", "decrypt and print the body, including personal data")
    .option("--json", "print the result as one JSON object")
    .example(
      "fetch-etl quarantine show 6c6f9d4e-0d2b-4d6a-9d0c-0f7f3a1d2b11",
      "show why a message was rejected",
    )
    .reads("key", "database")
    .action(action(async () => (await import("./run.ts")).runQuarantineShow));
  withMappingOptions(quarantine.command("replay"))
    .summary("read quarantined messages again and load the valid ones")
    .description(
      "Decrypts the quarantined bodies with the masking keys, reads them again with the mapping and loads the ones that are now valid. Never loads a message twice.",
    )
    .option(
      "--queue <name, URL or ARN>",
      "only messages from this queue; needed if there are messages from several",
    )
    .addOption(appVersionOption())
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine replay", "after you fixed the table or updated fetch-etl")
    .reads("key", "database", "recovery")
    .action(action(async () => (await import("./run.ts")).runQuarantineReplay));
  quarantine
    .command("purge")
    .summary("delete old quarantined messages")
    .description("Permanently deletes quarantined messages.")
    .requiredOption(
      "--older-than <duration>",
      "only messages quarantined at least this long ago, in whole days; 0 deletes all",
    )
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine purge --older-than 30d", "keep the last 30 days")
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runQuarantinePurge));
}
