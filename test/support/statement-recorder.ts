// A proxy between the command line and Postgres that notes every statement which is sent.
import { endTogether, startPostgresRelay } from "./postgres-relay.ts";

export interface StatementRecorder {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  readonly statements: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** First bytes of the messages `Parse` and `Query` (PostgreSQL documentation, "Message Formats"). */
const PARSE = 0x50;
const QUERY = 0x51;
/** Protocol 3.0, as the startup message has it. */
const PROTOCOL = 196_608;

/** Starts a proxy to the server of `databaseUrl`, which must not be asked for TLS. */
export async function recordStatements(databaseUrl: string): Promise<StatementRecorder> {
  const statements = new Set<string>();
  const { url, stop } = await startPostgresRelay(databaseUrl, (client, upstream) => {
    endTogether(client, upstream);
    const read = reader((statement) => statements.add(statement));
    client.on("data", (data) => {
      read(data);
      upstream.write(data);
    });
    upstream.on("data", (data) => client.write(data));
  });
  return { url, statements, stop };
}

/** Takes what a client sends, piece by piece, and tells the statements in it. */
function reader(tell: (statement: string) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      // Before the startup message, and in it, no byte names the message.
      const named = started ? 1 : 0;
      if (rest.length < named + 4) return;
      const end = named + rest.readUInt32BE(named);
      if (rest.length < end) return;
      const body = rest.subarray(named + 4, end);
      if (!started) started = body.readUInt32BE(0) === PROTOCOL;
      else if (rest[0] === QUERY) tell(textAt(body, 0));
      else if (rest[0] === PARSE) tell(textAt(body, body.indexOf(0) + 1));
      rest = rest.subarray(end);
    }
  };
}

function textAt(body: Buffer, from: number): string {
  return body.toString("utf8", from, body.indexOf(0, from));
}
