import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, mappingOption, withMappingOptions } from "../../option.ts";

const QUEUE = "--queue <name, URL or ARN>";
const OLDER_THAN = "--older-than <duration>";
const REASON_FILTER = ["--reason <text>", "only messages with a reason that contains this text"] as const;
const IDS = "message ids, or their first characters";

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
      "Counts the quarantined messages by reason, with the oldest date and an example id for each. Ids are shortened: every command accepts the first characters of an id.",
    )
    .option("--messages", "list the messages, oldest first, instead of the reasons")
    .option(...REASON_FILTER)
    .option(QUEUE, "only messages from this queue")
    .option("--since <duration>", "only messages quarantined at most this long ago, such as 1h or 7d")
    .option(OLDER_THAN, "only messages quarantined at least this long ago, in whole days")
    .addOption(mappingOption())
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine list", "count the messages, with an example id for each reason")
    .example('fetch-etl quarantine list --messages --reason "ip:"', "list the messages with such a reason")
    .reads("key", "database")
    .action(action(async () => (await import("./list.ts")).runQuarantineList));
  quarantine
    .command("show")
    .summary("show one quarantined message")
    .description(
      "Shows one quarantined message and why it was rejected. With --raw, also decrypts its body with the masking key and prints it. Before it decrypts anything, it records the user, the time, the reason and the message in fetch_etl.reveal_log.",
    )
    .argument("<id>", "message id, or its first characters")
    .option("--raw", "decrypt and print the body, including personal data; needs --reason")
    .option("--reason <text>", "the reason for --raw, which is recorded")
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine show 6c6f9d4e", "show why a message was rejected")
    .example('fetch-etl quarantine show 6c6f9d4e --raw --reason "ticket 4711"', "also show its body")
    .reads("key", "database")
    .action(action(async () => (await import("./show.ts")).runQuarantineShow));
  withMappingOptions(quarantine.command("replay"))
    .summary("read quarantined messages again and load the valid ones")
    .description(
      "Decrypts the quarantined bodies with the masking keys, reads them again with the mapping and loads the ones that are now valid. Never loads a message twice. Reports why the others stay.",
    )
    .argument("[ids...]", `${IDS}; if omitted, all messages`)
    .option(QUEUE, "only messages from this queue; needed if there are messages from several")
    .option(...REASON_FILTER)
    .addOption(appVersionOption())
    .option("--dry-run", "report what would be loaded, and change nothing")
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine replay", "after you fixed the table or updated fetch-etl")
    .example("fetch-etl quarantine replay 6c6f9d4e --dry-run", "find out whether a message would be loaded")
    .reads("key", "database", "recovery")
    .action(action(async () => (await import("./replay.ts")).runQuarantineReplay));
  quarantine
    .command("purge")
    .summary("delete quarantined messages for ever")
    .description(
      "Permanently deletes quarantined messages: those with the ids, or those of an age. Shows how many first, and asks. Keeps messages that were never replayed, because there may be no other copy.",
    )
    .argument("[ids...]", IDS)
    .option(
      OLDER_THAN,
      "only messages quarantined at least this long ago, in whole days; 0 for all; needed without ids",
    )
    .option(QUEUE, "only messages from this queue")
    .option(...REASON_FILTER)
    .option("--never-replayed", "also delete messages that were never replayed")
    .option("--yes", "do not ask; needed without a terminal")
    .option("--json", "print the result as one JSON object")
    .example("fetch-etl quarantine purge --older-than 30d --yes", "keep the last 30 days, from cron")
    .example("fetch-etl quarantine purge 6c6f9d4e --never-replayed", "delete one message")
    .reads("database")
    .action(action(async () => (await import("./purge.ts")).runQuarantinePurge));
}
