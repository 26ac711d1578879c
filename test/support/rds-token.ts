// An IAM token for a database, computed as AWS documents it and without its SDK (AWS General Reference, "Signature Version 4", query
// parameters; Amazon RDS User Guide, "Connecting to your DB instance using IAM authentication").
import { createHash, createHmac } from "node:crypto";

interface Signed {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Epoch milliseconds. */
  readonly now: number;
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
/** RFC 3986; encodeURIComponent leaves more characters as they are. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** @returns the query parameters of the token, by name */
export function rdsTokenParameters(signed: Signed): Map<string, string> {
  const { host, port, user, region, accessKeyId, secretAccessKey, sessionToken, now } = signed;
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/rds-db/aws4_request`;
  const query: readonly (readonly [string, string])[] = [
    ["Action", "connect"],
    ["DBUser", user],
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${accessKeyId}/${scope}`],
    ["X-Amz-Date", time],
    ["X-Amz-Expires", "900"],
    ...(sessionToken === undefined ? [] : ([["X-Amz-Security-Token", sessionToken]] as const)),
    ["X-Amz-SignedHeaders", "host"],
  ];
  const canonical = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
  const request = ["GET", "/", canonical, `host:${host}:${port}`, "", "host", sha256("")].join("\n");
  const text = ["AWS4-HMAC-SHA256", time, scope, sha256(request)].join("\n");
  const key = [day, region, "rds-db", "aws4_request"].reduce<string | Buffer>(
    (previous, part) => hmac(previous, part),
    `AWS4${secretAccessKey}`,
  );
  return new Map([...query, ["X-Amz-Signature", hmac(key, text).toString("hex")]]);
}
