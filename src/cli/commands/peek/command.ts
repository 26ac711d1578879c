import { PEEK_COUNT } from "../../../drain/settings.ts";
import type { ActionFor, CliCommand } from "../../command.ts";
import { appVersionOption, mappingOption, withQueueOptions } from "../../option.ts";

export function definePeek(program: CliCommand, action: ActionFor): void {
  withQueueOptions(program.command("peek"))
    .summary("show messages, masked, and leave them in the queue")
    .description("Shows messages, masked, and leaves them in the queue.")
    .option("--count <n>", "maximum messages to show", String(PEEK_COUNT))
    .addOption(mappingOption())
    .addOption(appVersionOption())
    .option("--raw", "show the original bodies, including personal data")
    .option("--force", "peek even if that can move a message to the dead-letter queue")
    .option("--json", "print one JSON object per message")
    .option("--quiet", "print only messages, warnings and errors")
    .example("fetch-etl peek --count 5", "show five messages")
    .example("fetch-etl peek --json | jq .rejection", "show why messages would be quarantined")
    .reads("key")
    .action(action(async () => (await import("./run.ts")).runPeek));
}
