// Pure: a topic of SNS that feeds a queue puts each message into an envelope, unless raw delivery is on. Only what surely is one is
// opened.
// (AWS, "Fanout to Amazon SQS queues": Type, MessageId, TopicArn, Message, and more that is of no use here)

/** The longest ARN that IAM takes. A longer text is not read. */
const MAX_ARN_LENGTH = 2_048;
const TOPIC_ARN = /^arn:aws(-[a-z]+)*:sns:/;

/**
 * The text that an envelope holds.
 *
 * @param body a message's body, parsed
 * @param ownKeys keys of the contract: what has one of them is a message itself, whatever else it has
 * @returns undefined for what is no envelope
 */
export function textInEnvelope(
  body: Readonly<Record<string, unknown>>,
  ownKeys: readonly string[],
): string | undefined {
  const { Type: type, MessageId: messageId, TopicArn: topic, Message: text } = body;
  const isEnvelope = type === "Notification" && typeof messageId === "string" && isTopic(topic);
  if (!isEnvelope || ownKeys.some((key) => Object.hasOwn(body, key))) return undefined;
  return typeof text === "string" ? text : undefined;
}

function isTopic(value: unknown): boolean {
  return typeof value === "string" && value.length <= MAX_ARN_LENGTH && TOPIC_ARN.test(value);
}
