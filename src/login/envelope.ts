// Pure: unwraps SNS messages. Without raw message delivery, a topic wraps each message in a JSON object with Type, MessageId, TopicArn and
// Message (AWS, "Fanout to Amazon SQS queues"). Only a certain match is unwrapped.

/** Maximum length of an ARN in IAM. */
const MAX_ARN_LENGTH = 2_048;
const TOPIC_ARN = /^arn:aws(-[a-z]+)*:sns:/;

/**
 * The message in an envelope.
 *
 * @param body a parsed message body
 * @param ownKeys keys of the contract: a body with any of them is a login, not an envelope
 * @returns undefined if the body is not an envelope
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
