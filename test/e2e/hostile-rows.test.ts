// Rows that nobody but somebody with rights on fetch-etl's tables can write: no command ends with an unexpected error, or steers a terminal.
import { expect, it } from "vitest";
import { makeTables } from "../support/bench.ts";
import { REASON, UNKNOWN_TOKEN, withVault } from "../support/vault.ts";

const CONTROL = /(?!\n)\p{Cc}/u;

it("no command crashes on hostile rows of the quarantine and the vault, or prints a control character", () =>
  withVault(async (bench) => {
    await makeTables(bench);
    await bench.run(["init"]);
    await bench.sql.unsafe(`
      insert into fetch_etl.quarantine (queue, sent_at, message_id, reasons, key_id, sealed, quarantined_at, replayed_at)
      values (E'q\\x1b[2J', 'infinity', E'id\\x1b[2J', array[E'ip: \\x1b]0;x\\x07\\nnot', null], E'k\\x1b[2J\\n', '', '-infinity', null),
             ('q', '-infinity', 'two', '{}', 'AAAAAAAA', '\\x00', 'infinity', null),
             ('q', '294276-12-31 23:59:59.999999+00', 'three', array[repeat('x', 1000000)], 'AAAAAAAA', '\\x00', '294276-12-31', 'infinity'),
             ('q', '4713-01-01 00:00:00+00 BC', 'four', array_fill('many: reasons'::text, array[10000]), '', repeat('x', 20000000)::bytea, '4713-01-01 00:00:00+00 BC', null),
             ('q', 'epoch', 'five', '{{a: nested,b: list},{c: of,d: lists}}', '', '\\x', now(), '-infinity');
      insert into fetch_etl.vault (token, field, key_id, sealed)
      values ('${UNKNOWN_TOKEN}', E'ip\\x1b[2J', '00000000-0000-0000-0000-000000000000', repeat('x', 20000000)::bytea),
             (E'odd\\x1b[2J\\n', 'ip', '00000000-0000-0000-0000-000000000000', '')`);
    const ids = ["id\u001b[2J", "two", "three", "four", "five"];
    const commands = [
      ["quarantine", "list"],
      ["quarantine", "list", "--json"],
      ...ids.flatMap((id) => [
        ["quarantine", "show", id],
        ["quarantine", "show", id, "--json", "--raw", "--reason", REASON],
      ]),
      ["quarantine", "list", "--messages"],
      ["quarantine", "replay", "--dry-run"],
      ["quarantine", "replay"],
      ["log"],
      ["log", "--json"],
      ["verify"],
      ["verify", "--json"],
      ["reveal", UNKNOWN_TOKEN, "--identity", bench.holder.file, "--reason", REASON],
      ["forget", UNKNOWN_TOKEN, "--reason", REASON, "--json", "--yes"],
      ["quarantine", "purge", "--older-than", "0", "--never-replayed", "--yes"],
    ];
    const crashed: unknown[] = [];
    for (const args of commands) {
      const { code, stdout, stderr } = await bench.run(args);
      const steers = CONTROL.test(stdout + stderr);
      if (code === 1 || code === null || steers)
        crashed.push({ args, code, steers, stderr: stderr.slice(0, 500) });
    }
    expect(crashed).toEqual([]);
  }));
