// Gathers configuration mistakes, so that all of them can be told at once.
import { Failure } from "../failure.ts";

/** A list of mistakes, each a sentence that names the setting and the way out, and never holds a secret. */
export class Problems {
  readonly #sentences: string[] = [];

  add(sentence: string): void {
    this.#sentences.push(sentence);
  }

  get sentences(): readonly string[] {
    return this.#sentences;
  }

  /** @throws {Failure} of kind `configuration`, with every mistake a line, when there are any */
  throwIfAny(): void {
    if (this.#sentences.length > 0) throw new Failure("configuration", this.#sentences.join("\n"));
  }
}
