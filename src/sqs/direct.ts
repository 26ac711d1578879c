// Repeats a call without the SDK's middleware, which computes the same endpoint, headers and options for every call and takes
// several times the CPU time of everything else. Uses the SDK's credentials, signer and connections. The SDK itself handles every
// call that does not succeed at once, because it knows errors and retries.
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { answerLength } from "./message.ts";
import type { Admit, SqsClient } from "./client.ts";

type Signer = Awaited<ReturnType<SqsClient["config"]["signer"]>>;
/** An HTTP request as the SDK builds it, without the signature. */
type BuiltRequest = Parameters<Signer["sign"]>[0];
/** The part of the SDK's request handler that is used here; the SDK types it loosely. */
interface RequestHandler {
  handle(request: BuiltRequest): Promise<{ response: { statusCode: number; body: Readable } }>;
}

/**
 * Makes one attempt at a call.
 *
 * @param name the SDK's name for the command, such as `ReceiveMessageCommand`
 * @param input the input of the SDK's command
 * @param read extracts the result from the answer's JSON; undefined if it is invalid
 * @param admit awaited before the answer is read
 * @returns undefined if the SDK has to make the call
 */
export type DirectCall = <T>(
  name: string,
  input: object,
  read: (json: unknown) => T | undefined,
  admit?: Admit,
) => Promise<T | undefined>;

/**
 * Watches a client for commands that can be repeated: those whose last call by the SDK succeeded.
 *
 * @param client one that uses the JSON protocol
 */
export function directCalls(client: SqsClient): DirectCall {
  const templates = new Map<string, BuiltRequest>();
  const { config } = client;
  const handler: RequestHandler = config.requestHandler;
  let signer: Signer | undefined;

  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        const request = args.request as BuiltRequest;
        // A copy, because the following steps add headers for this call.
        const template = { ...request, headers: { ...request.headers } };
        const result = await next(args);
        templates.set(commandName, template);
        return result;
      },
    // The last step before the request is signed and sent.
    { step: "build", priority: "low", name: "keepTemplates" },
  );

  const attempt = async (
    name: string,
    template: BuiltRequest,
    input: object,
    admit: Admit | undefined,
  ): Promise<unknown> => {
    const body = JSON.stringify(input);
    const headers = { ...template.headers, "content-length": String(Buffer.byteLength(body)) };
    signer ??= await config.signer();
    const signingDate = new Date(Date.now() + config.systemClockOffset);
    const signed = await signer.sign({ ...template, headers, body }, { signingDate });
    // Signing may have waited for new credentials, and the client may be closed since.
    if (client.closed) return undefined;
    client.count(name);
    const { response } = await handler.handle(signed);
    await admit?.(answerLength(response));
    // Quicker than `text` of node:stream/consumers.
    let answer = "";
    response.body.setEncoding("utf8").on("data", (part: string) => (answer += part));
    await finished(response.body);
    return response.statusCode === 200 ? (JSON.parse(answer) as unknown) : undefined;
  };

  return async (name, input, read, admit) => {
    const template = templates.get(name);
    if (template === undefined || client.closed) return undefined;
    const answer = read(await attempt(name, template, input, admit).catch(() => undefined));
    // A failed call costs one extra request. Until the SDK succeeds again, it makes every call, with its backoff.
    if (answer === undefined) templates.delete(name);
    return answer;
  };
}
