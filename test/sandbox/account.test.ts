import { expect, test } from "vitest";
import { pickAccount } from "../../sandbox/account.ts";

const ROOT = "root:x:0:0:root:/root:/bin/bash";
const DAEMON = "daemon:x:1:2::/:/bin/false";
const NOBODY = "nobody:x:65534:65533::/:/bin/false";
const POSTGRES = "postgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash";

test.each([
  ["postgres before all", [ROOT, DAEMON, NOBODY, POSTGRES], { uid: 101, gid: 104 }],
  ["nobody before the others", [ROOT, DAEMON, NOBODY], { uid: 65534, gid: 65533 }],
  ["any other", [ROOT, DAEMON, ""], { uid: 1, gid: 2 }],
  ["never root, whatever its name", [ROOT, "postgres:x:0:0::/:/bin/sh"], undefined],
  ["no line that is not one of a user", ["# nobody", "nobody:*:-2:-2::/:/bin/false"], undefined],
])("it picks %s", (_, lines, account) => {
  expect(pickAccount(lines.join("\n"))).toEqual(account);
});
