// Reads a queue's ARN, which names region and account beside the queue. Pure.

/** `arn:aws:sqs:region:account:name`, in whichever of AWS's partitions. */
export interface QueueArn {
  readonly region: string;
  /** Twelve digits. */
  readonly account: string;
  readonly name: string;
}

const ARN =
  /^arn:aws(?:-[a-z]+)*:sqs:(?<region>[a-z0-9-]+):(?<account>\d{12}):(?<name>[A-Za-z0-9_-]{1,80}(?:\.fifo)?)$/;

/** @returns undefined for what is no queue's ARN */
export function queueArnOf(text: string): QueueArn | undefined {
  const { region, account, name } = ARN.exec(text)?.groups ?? {};
  return region === undefined || account === undefined || name === undefined
    ? undefined
    : { region, account, name };
}
