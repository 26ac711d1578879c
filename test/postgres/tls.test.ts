import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import type { DatabaseSettings } from "../../src/config/database.ts";
import { LOGIN } from "../../src/config/mapping.ts";
import { Failure } from "../../src/failure.ts";
import { openSocket } from "../../src/postgres/socket.ts";
import { createAuthority, type Identity } from "../support/authority.ts";
import { withFolder } from "../support/folder.ts";

/** Starts what offers TLS as Postgres does, connects to it with `verify-full`, and gives what comes of it. */
async function connectTo(identity: Identity | "garbage", authority: string): Promise<unknown> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.write("S");
      if (identity === "garbage") {
        socket.once("data", () => socket.end("no TLS at all"));
        return;
      }
      const secure = new TLSSocket(socket, {
        isServer: true,
        cert: identity.certificate,
        key: identity.key,
      });
      secure.on("error", () => undefined);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await withFolder(async (folder) => {
      const sslRootCert = join(folder, "authority.pem");
      await writeFile(sslRootCert, authority);
      const settings: DatabaseSettings = {
        ...{ host: "localhost", port: (server.address() as AddressInfo).port },
        ...{ database: "d", user: "u", password: undefined, connectTimeout: 10, source: "DATABASE_URL" },
        ...{
          sslMode: "verify-full",
          sslRootCert,
          table: LOGIN.table,
          columns: LOGIN.columns,
          applicationName: "test",
        },
      };
      const socket = await openSocket(settings, AbortSignal.timeout(10_000));
      socket.destroy();
      return "connected";
    }).catch((error: unknown) => error);
  } finally {
    server.close();
  }
}

const authority = await createAuthority("own");
const YEAR_MS = 365 * 86_400_000;
const inYears = (years: number): Date => new Date(Date.now() + years * YEAR_MS);

it("takes a certificate that is valid now", async () => {
  expect(await connectTo(await authority.issue("localhost"), authority.certificate)).toBe("connected");
});

describe("refuses, because somebody has to change something,", () => {
  it.each([
    [
      "a certificate that has expired",
      inYears(-1),
      /expired or not valid yet \(CERT_HAS_EXPIRED\)\. Renew it/,
    ],
    ["one that is not valid yet", inYears(1), /expired or not valid yet \(CERT_NOT_YET_VALID\).*clock/],
  ])("%s", async (_what, until, sentence) => {
    const found = await connectTo(await authority.issue("localhost", until), authority.certificate);
    expect(found).toBeInstanceOf(Failure);
    expect(found).toMatchObject({ kind: "configuration", message: expect.stringMatching(sentence) });
  });

  it("TLS that is none", async () => {
    expect(await connectTo("garbage", authority.certificate)).toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(/no TLS version or cipher in common \(ERR_SSL_/),
    });
  });
});
