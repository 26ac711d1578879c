// The query protocol's forms and XML, as AWS's API reference of 2012-11-05 shows them.
import { randomUUID } from "node:crypto";

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export function required(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value === null)
    throw new ApiError("MissingParameter", `The request must contain the parameter ${name}.`);
  return value;
}

export function number(
  form: URLSearchParams,
  name: string,
  fallback: number,
  least: number,
  most: number,
): number {
  const value = Number(form.get(name) ?? fallback);
  if (!(value >= least && value <= most)) {
    throw new ApiError("InvalidParameterValue", `${name} must be between ${least} and ${most}.`);
  }
  return value;
}

/** `Name.1`, `Name.2`, … up to the first that is missing. */
export function list(form: URLSearchParams, name: string, suffix = ""): string[] {
  const values: string[] = [];
  for (let value; (value = form.get(`${name}.${values.length + 1}${suffix}`)) !== null;) values.push(value);
  return values;
}

const entities: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\r": "&#xD;",
};

export function element(name: string, inner: string): string {
  return `<${name}>${inner}</${name}>`;
}

export function elements(fields: object): string {
  const escaped = (value: unknown) =>
    String(value).replace(/[&<>"\r]/g, (character) => entities[character] ?? "");
  return Object.entries(fields)
    .map(([name, value]) => element(name, escaped(value)))
    .join("");
}

/** The attributes that were asked for, by their names or by `All`. */
export function named(attributes: Record<string, string>, wanted: readonly string[]): string {
  return Object.entries(attributes)
    .filter(([name]) => wanted.includes(name) || wanted.includes("All"))
    .map(([Name, Value]) => element("Attribute", elements({ Name, Value })))
    .join("");
}

/** The message attributes of a SendMessage, as a ReceiveMessage returns them. */
export function messageAttributes(form: URLSearchParams): string {
  return list(form, "MessageAttribute", ".Name")
    .map((Name, index) => {
      const fields: Record<string, string> = {};
      for (const name of ["DataType", "StringValue", "BinaryValue"]) {
        const value = form.get(`MessageAttribute.${index + 1}.Value.${name}`);
        if (value !== null) fields[name] = value;
      }
      const value = element("Value", elements(fields));
      return element("MessageAttribute", elements({ Name }) + value);
    })
    .join("");
}

const namespace = 'xmlns="http://queue.amazonaws.com/doc/2012-11-05/"';
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

export function resultXml(action: string, result: string | undefined): string {
  const metadata = element("ResponseMetadata", elements({ RequestId: randomUUID() }));
  const inner = (result === undefined ? "" : element(`${action}Result`, result)) + metadata;
  return `${declaration}<${action}Response ${namespace}>${inner}</${action}Response>`;
}

export function errorXml(Code: string, Message: string, Type: string): string {
  const error = element("Error", elements({ Type, Code, Message }) + "<Detail/>");
  return `${declaration}<ErrorResponse ${namespace}>${error}${elements({ RequestId: randomUUID() })}</ErrorResponse>`;
}
