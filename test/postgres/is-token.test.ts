import fc from "fast-check";
import postgres from "postgres";
import { expect, inject, it } from "vitest";
import { isToken } from "../../src/postgres/token.ts";
import { TOKEN_PATTERN } from "../../src/masking/token.ts";

const characters = fc.constantFrom("A", "b", "9", "_", "-", ".", "h", "1", " ", "é", "\n");
const part = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: characters, minLength: length - 1, maxLength: length + 1 });
/** Tokens, and what is nearly one. */
const nearly = fc
  .tuple(fc.constantFrom("h1.", "h2.", "h1", "H1."), part(8), fc.constantFrom(".", "", "-"), part(43))
  .map((parts) => parts.join(""));
const token = fc
  .tuple(fc.stringMatching(/^[A-Za-z0-9_-]{8}$/), fc.stringMatching(/^[A-Za-z0-9_-]{43}$/))
  .map(([id, mac]) => `h1.${id}.${mac}`);

it("the condition holds for what the pattern of a token matches, and for nothing else", async () => {
  const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
  try {
    const texts = fc.sample(fc.oneof(token, nearly, fc.string({ unit: characters, maxLength: 60 })), 3_000);
    const moved = fc.sample(token, 200).map((each) => `${each.slice(0, 11)}A.${each.slice(13)}`);
    const rows = await sql.unsafe<{ text: string; found: boolean; wanted: boolean }[]>(
      `select text, ${isToken("text")} as found, text ~ '${TOKEN_PATTERN}' as wanted from unnest($1::text[]) as text`,
      [[...texts, ...moved]],
    );
    expect(rows.filter(({ wanted }) => wanted).length).toBeGreaterThan(500);
    expect(rows.filter(({ wanted }) => !wanted).length).toBeGreaterThan(500);
    expect(rows.filter(({ found, wanted }) => found !== wanted)).toEqual([]);
  } finally {
    await sql.end();
  }
});

it("is unknown for NULL, as the pattern is", async () => {
  const sql = postgres(inject("postgresUrl"), { max: 1 });
  try {
    expect(
      await sql.unsafe(`select ${isToken("text")} as found from (values (null::text)) as t (text)`),
    ).toEqual([{ found: null }]);
  } finally {
    await sql.end();
  }
});
