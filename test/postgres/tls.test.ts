import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { readDatabase } from "../../src/config/database.ts";
import { Failure } from "../../src/failure.ts";
import { openSocket } from "../../src/postgres/socket.ts";
import { createAuthority, type Identity } from "../support/authority.ts";
import { withFolder } from "../support/folder.ts";
import { sourcesOf } from "../support/sources.ts";
import { reading } from "../config/told.ts";

const DIRECT = "sslnegotiation=direct";

/** Starts what offers TLS as Postgres does, connects to it with `verify-full`, and gives what comes of it. */
async function connectTo(
  identity: Identity | "garbage",
  authority: string,
  parameters = "",
): Promise<unknown> {
  const secure = (socket: Socket, { certificate: cert, key }: Identity): void => {
    new TLSSocket(socket, { isServer: true, cert, key }).on("error", () => undefined);
  };
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (parameters === DIRECT && identity !== "garbage") {
      secure(socket, identity);
      return;
    }
    socket.once("data", () => {
      socket.write("S");
      if (identity === "garbage") socket.once("data", () => socket.end("no TLS at all"));
      else secure(socket, identity);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await withFolder(async (folder) => {
      const sslRootCert = join(folder, "authority.pem");
      await writeFile(sslRootCert, authority);
      const { port } = server.address() as AddressInfo;
      const url = `postgres://u@localhost:${port}/d?sslmode=verify-full&sslrootcert=${sslRootCert}&${parameters}`;
      const { value: settings } = reading((problems) =>
        readDatabase(sourcesOf({ DATABASE_URL: url }), problems),
      );
      if (settings === undefined) throw new Error("no settings");
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

  it("direct negotiation with a server that does not know the protocol", async () => {
    const found = await connectTo(await authority.issue("localhost"), authority.certificate, DIRECT);
    expect(found).toMatchObject({
      kind: "unavailable",
      message: expect.stringMatching(
        /did not accept TLS without being asked for it \(no ALPN\).*needs Postgres 17/,
      ),
    });
  });

  it("TLS that is none", async () => {
    expect(await connectTo("garbage", authority.certificate)).toMatchObject({
      kind: "configuration",
      message: expect.stringMatching(/no TLS version or cipher in common \(ERR_SSL_/),
    });
  });
});
