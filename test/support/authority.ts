// A certificate authority of a test's own.
import { isIP } from "node:net";
import { generate } from "selfsigned";

/** Both in PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority {
  /** In PEM. */
  readonly certificate: string;
  /** Makes a server's identity for a host name or an address, valid for some hours (two by default) until `until`. */
  issue(host: string, until?: Date, hours?: number): Promise<Identity>;
}

const HOUR_MS = 3_600_000;
const KIND = { algorithm: "sha256", keyType: "ec" } as const;

export async function createAuthority(name: string): Promise<Authority> {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    ...KIND,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  return {
    certificate: cert,
    issue: async (host, until = new Date(Date.now() + HOUR_MS), hours = 2) => {
      const issued = await generate([{ name: "commonName", value: host }], {
        ...KIND,
        ca: { key, cert },
        notBeforeDate: new Date(until.getTime() - hours * HOUR_MS),
        notAfterDate: until,
        extensions: [
          {
            name: "subjectAltName",
            altNames: [isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host }],
          },
        ],
      });
      return { certificate: issued.cert, key: issued.private };
    },
  };
}
