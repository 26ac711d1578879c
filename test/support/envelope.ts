// The envelope that a topic of SNS puts a message into, as AWS's developer guide shows it.

/** What SNS makes of a message, without what only a receiver of HTTP needs. */
export const ENVELOPE = {
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: "arn:aws:sns:us-west-2:123456789012:logins",
  Subject: "My First Message",
  Timestamp: "2012-05-02T00:54:06.655Z",
  SignatureVersion: "1",
  Signature: "EXAMPLEw6JRN...",
  SigningCertURL:
    "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ecfb7224c7233fe7bb5f59f96de52f.pem",
};

export function inEnvelope(text: string): string {
  return JSON.stringify({ ...ENVELOPE, Message: text });
}
