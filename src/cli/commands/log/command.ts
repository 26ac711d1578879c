import type { ActionFor, CliCommand } from "../../command.ts";

export function defineLog(program: CliCommand, action: ActionFor): void {
  program
    .command("log")
    .summary("list the requests for personal data, newest first")
    .description(
      "Lists the requests of reveal, forget, rotate and quarantine show --raw from fetch_etl.reveal_log: who asked, when, why, for what, and what came of it.",
    )
    .option("--token <token>", "only requests for this token")
    .option("--reason <text>", "only requests with a reason that contains this text")
    .option("--since <duration>", "only requests of this long ago or later, such as 1h or 7d")
    .option("--json", "print the result as one JSON object")
    .example('fetch-etl log --reason "ticket 4711"', "find the requests for a ticket")
    .reads("database")
    .action(action(async () => (await import("./run.ts")).runLog));
}
