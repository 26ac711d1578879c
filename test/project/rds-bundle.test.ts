// The shipped certificates of Amazon RDS, and the script that compares them with the published ones.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { certificatesOf, checkBundle } from "../../scripts/rds-bundle.ts";
import { rdsAuthorities } from "../../src/postgres/tls.ts";
import { createAuthority } from "../support/authority.ts";
import { withFolder } from "../support/folder.ts";

describe("the shipped bundle", () => {
  const certificates = [...certificatesOf(rdsAuthorities()).values()];

  it("contains only root certificates of Amazon RDS, one per region and key type", () => {
    for (const certificate of certificates) {
      expect(certificate.ca && certificate.verify(certificate.publicKey), certificate.subject).toBe(true);
      expect(certificate.subject).toContain("\nOU=Amazon RDS\n");
    }
    const names = certificates.map(({ subject }) => /CN=Amazon RDS (.*) Root CA (\w+) G1/.exec(subject));
    const regions = new Map<string, Set<string>>();
    for (const [, region = "", key = ""] of names.map((name) => name ?? [])) {
      regions.set(region, (regions.get(region) ?? new Set()).add(key));
    }
    expect([...regions.values()].every(({ size }) => size === 3)).toBe(true);
    expect(certificates).toHaveLength(3 * regions.size);
    expect([...regions.keys()]).toEqual(
      expect.arrayContaining(["us-east-1", "eu-central-2", "ap-southeast-6"]),
    );
  });

  it("is the file that the documentation names", () => {
    const page = readFileSync(new URL("../../docs/rds.md", import.meta.url), "utf8");
    expect(page).toContain(createHash("sha256").update(rdsAuthorities()).digest("hex"));
  });
});

describe("the comparison with the published file", async () => {
  const [one, other] = [
    (await createAuthority("one")).certificate,
    (await createAuthority("other")).certificate,
  ];
  const past = Date.parse("2020-01-01");

  /** Compares a shipped file with what a server publishes. */
  function compare(shipped: string, published: string, { update = false, now = past, status = 200 } = {}) {
    return withFolder(async (folder) => {
      const server = createServer((_request, response) => response.writeHead(status).end(published));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const path = join(folder, "shipped.pem");
      await writeFile(path, shipped);
      const { port } = server.address() as AddressInfo;
      try {
        const checked = await checkBundle(path, `http://127.0.0.1:${port}/`, update, now);
        return { ...checked, file: await readFile(path, "utf8") };
      } finally {
        server.close();
      }
    });
  }

  it("finds no difference in another order or with comments", async () => {
    expect(await compare(`${one}\n${other}`, `# a comment\n${other}\n${one}`)).toMatchObject({
      isSame: true,
      lines: ["2 certificates here, 2 published"],
    });
  });

  it("names each certificate that is missing or no longer published, and changes nothing", async () => {
    const { isSame, lines, file } = await compare(one, other);
    expect({ isSame, file }).toEqual({ isSame: false, file: one });
    expect(lines).toEqual([
      "1 certificates here, 1 published",
      expect.stringMatching(/^missing here: other, valid to .*, SHA-256 ([0-9A-F]{2}:){31}/),
      expect.stringMatching(/^not published: one, valid to /),
    ]);
  });

  it("replaces the file if it is told to", async () => {
    const { isSame, lines, file } = await compare(one, `${one}\n${other}`, { update: true });
    expect({ isSame, file }).toEqual({ isSame: true, file: `${one}\n${other}` });
    expect(lines.at(-1)).toMatch(/^replaced .*shipped\.pem$/);
  });

  it("names expired certificates", async () => {
    const { isSame, lines } = await compare(one, one, { now: Date.parse("2999-01-01") });
    expect(isSame).toBe(true);
    expect(lines[1]).toMatch(/^expired: one, valid to /);
  });

  it.each([
    ["an error", one, 503],
    ["a page without certificates", "<html></html>", 200],
  ])("fails, and keeps the file, if the server sends %s", async (_what, published, status) => {
    await expect(compare(one, published, { update: true, status })).rejects.toThrow(
      `has no certificates (HTTP ${status})`,
    );
  });
});
