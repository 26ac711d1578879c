// Reads a reference to a secret: an ARN of AWS Secrets Manager or of an SSM parameter, or a text that AWS KMS encrypted.

/** What an encrypted text is for. It is in KMS's encryption context, so that KMS rejects a text that was encrypted for another setting. */
export type Purpose = "masking-key" | "database-url" | "database-password" | "identity";

export interface StoredSecret {
  readonly service: "secretsmanager" | "ssm";
  readonly arn: string;
  readonly region: string;
  /** The name in the ARN, without the account: for sentences. */
  readonly name: string;
}

export interface EncryptedSecret {
  readonly service: "kms";
  /** Base64. */
  readonly ciphertext: string;
  readonly purpose: Purpose;
  /** Undefined to let the SDK determine it. */
  readonly region: string | undefined;
}

export type Reference = StoredSecret | EncryptedSecret;

/** `key`: the field of the JSON that the secret contains; undefined for the whole text. */
export type ParsedReference =
  | { readonly kind: "stored"; readonly stored: StoredSecret; readonly key: string | undefined }
  | { readonly kind: "encrypted"; readonly ciphertext: string }
  | { readonly kind: "invalid"; readonly why: string };

/** Secret names have letters, digits and `/_+=.@-`, those of RDS also `!`; parameter names have letters, digits and `/_.-`. */
const ARN =
  /^arn:aws[a-z-]*:(?<service>secretsmanager|ssm):(?<region>[a-z0-9-]+):\d{12}:(secret:(?<secret>[\w/+=.@!-]+)|parameter(?<parameter>\/[\w/.-]+))(#(?<key>.+))?$/s;

/** @returns undefined if the text is not a reference */
export function parseReference(text: string): ParsedReference | undefined {
  if (text.startsWith("kms:")) {
    const ciphertext = text.slice("kms:".length).replace(/\s+/g, "");
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(ciphertext) && ciphertext.length % 4 === 0)
      return { kind: "encrypted", ciphertext };
    return {
      kind: "invalid",
      why: "begins with kms:, but what follows is not base64. Write the whole CiphertextBlob after it, as the AWS CLI prints it",
    };
  }
  if (!text.startsWith("arn:")) return undefined;
  const { service, region = "", secret, parameter, key } = ARN.exec(text)?.groups ?? {};
  const name = service === "ssm" ? parameter : secret;
  if ((service !== "secretsmanager" && service !== "ssm") || name === undefined) {
    return {
      kind: "invalid",
      why:
        "is not the ARN of a secret or a parameter. Write arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME or " +
        "arn:aws:ssm:REGION:ACCOUNT:parameter/NAME, and #FIELD after it for one field of JSON",
    };
  }
  const [arn = ""] = text.split("#");
  return { kind: "stored", stored: { service, arn, region, name }, key };
}

/** The secret in a sentence, such as `the secret "prod/db"`. */
export function named(reference: Reference): string {
  switch (reference.service) {
    case "secretsmanager":
      return `the secret "${reference.name}"`;
    case "ssm":
      return `the parameter "${reference.name}"`;
    case "kms":
      return "the text after kms:";
  }
}
