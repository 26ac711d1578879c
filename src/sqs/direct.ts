// Repeats a call without the SDK's middleware, which works out the same endpoint, headers and options for every call and
// takes several times the CPU time of the rest. The SDK's credentials, signer and connections are used; whatever is not a
// plain success is left to the SDK itself, which knows errors and retries.
import type { Readable } from "node:stream";
import { answerLength } from "./message.ts";
import type { Admit, SqsClient } from "./client.ts";

type Signer = Awaited<ReturnType<SqsClient["config"]["signer"]>>;
/** An HTTP request as the SDK builds it: all of it but the signature. */
type BuiltRequest = Parameters<Signer["sign"]>[0];
/** What is used of the SDK's request handler, which is typed loosely. */
interface RequestHandler {
  handle(request: BuiltRequest): Promise<{ response: { statusCode: number; body: Readable } }>;
}

/**
 * Makes one attempt at a call.
 *
 * @param name the SDK's name for the call, such as `ReceiveMessageCommand`
 * @param input what the SDK's command would take
 * @param read takes what is wanted from the answer's JSON; undefined when it is none
 * @param admit awaited before the answer is read
 * @returns undefined when the call has to be made the SDK's way
 */
export type DirectCall = <T>(
  name: string,
  input: object,
  read: (json: unknown) => T | undefined,
  admit?: Admit,
) => Promise<T | undefined>;

/**
 * Watches a client for calls that can be repeated: of the kinds that it has made before, the last time with success.
 *
 * @param client one that speaks JSON
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
        // A copy: the steps that follow add headers of this one call.
        const template = { ...request, headers: { ...request.headers } };
        const result = await next(args);
        templates.set(commandName, template);
        return result;
      },
    // The last step that sees the request before it is signed and tried.
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
    // Signing may have waited for new credentials.
    if (client.closed) return undefined;
    client.count(name);
    const { response } = await handler.handle(signed);
    await admit?.(answerLength(response));
    const text = await readAll(response.body);
    return response.statusCode === 200 ? (JSON.parse(text) as unknown) : undefined;
  };

  return async (name, input, read, admit) => {
    const template = templates.get(name);
    if (template === undefined || client.closed) return undefined;
    const answer = read(await attempt(name, template, input, admit).catch(() => undefined));
    // It costs a call that is refused one request more, at once. Until the SDK has had success again, every call is the SDK's, with
    // its pauses.
    if (answer === undefined) templates.delete(name);
    return answer;
  };
}

/** A stream's whole text. */
function readAll(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => (text += part));
    stream.on("end", () => {
      resolve(text);
    });
    stream.on("error", reject);
  });
}
