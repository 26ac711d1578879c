// The names, flags and examples of the commands under `fetch-etl quarantine`.
import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, tableOption } from "../../shared-options.ts";

export function defineQuarantine(program: CliCommand, action: ActionFor): void {
  const quarantine = program
    .command("quarantine")
    .helpGroup("Load:")
    .summary("work off the messages that were turned away")
    .description("Lists, shows, replays and purges the messages in fetch_etl.quarantine.");
  quarantine
    .command("list")
    .summary("count them by reason")
    .description("Counts the quarantined messages by reason, with the oldest of each.")
    .option("--json", "print one JSON object")
    .example("fetch-etl quarantine list", "see what is held, and an id of each kind")
    .action(action(async () => (await import("./list.ts")).runQuarantineList));
  quarantine
    .command("show")
    .summary("show one message")
    .description(
      "Shows one quarantined message: its reasons and, with --raw, its body, opened with the masking key.",
    )
    .argument("<id>", "the message's id")
    .option("--raw", "open the body, personal data included")
    .option("--json", "print one JSON object")
    .example(
      "fetch-etl quarantine show 6c6f9d4e-0d2b-4d6a-9d0c-0f7f3a1d2b11",
      "see why a message was turned away",
    )
    .action(action(async () => (await import("./show.ts")).runQuarantineShow));
  quarantine
    .command("replay")
    .summary("decode them again, and load what passes now")
    .description(
      "Opens the held bodies with the masking keys, decodes them anew, loads what passes now, once, and marks it.",
    )
    .option("--queue <name, URL or ARN>", "only the messages of this queue")
    .addOption(tableOption())
    .addOption(appVersionOption())
    .option("--json", "print one JSON object")
    .example("fetch-etl quarantine replay", "after the table was mended, or fetch-etl learned a new form")
    .action(action(async () => (await import("./replay.ts")).runQuarantineReplay));
  quarantine
    .command("purge")
    .summary("delete old ones")
    .description("Deletes quarantined messages for ever.")
    .requiredOption("--older-than <days>", "only those that were quarantined so many days ago or earlier")
    .option("--json", "print one JSON object")
    .example("fetch-etl quarantine purge --older-than 30", "keep a month")
    .action(action(async () => (await import("./purge.ts")).runQuarantinePurge));
}
