import { expect, it } from "vitest";
import { splitCommand } from "../../src/config/command-words.ts";

it.each<[string, string[]]>([
  ["op read op://vault/db/url", ["op", "read", "op://vault/db/url"]],
  ["pass  show\tetl/key", ["pass", "show", "etl/key"]],
  [`vault kv get -field='a b' "secret/my app"`, ["vault", "kv", "get", "-field=a b", "secret/my app"]],
  [`sh -c 'pass show etl | head -1'`, ["sh", "-c", "pass show etl | head -1"]],
  [`/opt/my\\ tools/get "" a''b`, ["/opt/my tools/get", "", "ab"]],
  [`a "\\$x \\" \\n"`, ["a", '$x " \\n']],
  ["a \\\n b", ["a", "b"]],
  ["curl https://x.test/y?z=[1]*", ["curl", "https://x.test/y?z=[1]*"]],
])("%j is split as a shell splits it", (text, words) => {
  expect(splitCommand(text)).toEqual({ ok: true, words });
});

it.each([
  ["a | b", "has | outside"],
  ["a > b", "has > outside"],
  ["a && b", "has & outside"],
  ["a; b", "has ; outside"],
  ["a\nb", "has a line end outside"],
  ["a $HOME", "has $ outside"],
  ['a "$HOME"', "has $ outside"],
  ['a "`b`"', "has ` outside"],
  ["a $(b)", "has $ outside"],
  ["~/bin/get", "has ~ outside"],
  ["a # b", "has # outside"],
  ["TOKEN=x get", "has = outside"],
  ["a 'b", "has an opening ' without"],
  ['a "b\\"', 'has an opening " without'],
  ["a \\", "ends with a backslash"],
  ["''", "names no program"],
])("%j is rejected, because a shell would pass other words to the program", (text, why) => {
  expect(splitCommand(text)).toEqual({ ok: false, why: expect.stringContaining(why) });
});
