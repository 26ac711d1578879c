// What a message may not exceed, whatever it says of itself.
import { Invalid } from "./mapping.ts";

/** Levels of objects and lists in a JSON text. */
export const MAX_LEVELS = 128;
/**
 * Objects, lists and long numbers in a JSON text. `{},` repeated over 16 MiB is a few kilobytes of gzip, and each object takes up to 250 bytes
 * of memory.
 */
export const MAX_PARTS = 500_000;
/** Texts that are opened within a text: JSON strings, base64 (with gzip in it), the texts in envelopes. */
export const MAX_LAYERS = 3;
/** Of a text in UTF-8; and of all that gzip gives in one message. */
export const MAX_BYTES = 16 * 1024 * 1024;
/** Elements of the list of records. */
export const MAX_RECORDS = 50_000;

/** A text beyond a limit is a rejection, where another that cannot be read may be a missing value. */
export class BeyondLimit extends Invalid {}
