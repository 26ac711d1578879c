// The code of an error of Node, the operating system or the driver, for a sentence.

export function errorCode(error: unknown): string {
  if (error instanceof Error && error.name === "AbortError") return "no answer in time";
  return error instanceof Error && "code" in error ? String(error.code) : "connection failed";
}
