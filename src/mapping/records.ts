// Pure: a message becomes records, one by one.
import { createConditions, isOfRecord, type Conditions } from "./conditions.ts";
import { createOpener } from "./envelopes.ts";
import { isList, stringify } from "./json.ts";
import { MAX_RECORDS } from "./limits.ts";
import { createLookup, readText } from "./lookup.ts";
import { Invalid, type Json, type MappedMessage, type Mapping, type Path } from "./mapping.ts";
import { OpenedRecord } from "./opened.ts";

const SKIPPED = { kind: "skipped" } as const;

type Unread = { readonly kind: "rejected"; readonly reasons: readonly string[] } | typeof SKIPPED;

/** A record to read, or what its conditions made of it. */
export type RecordOpening = OpenedRecord | (Unread & { readonly index: number });

/** A message as it was opened. Records are made one by one, as they are asked for. */
export type MessageOpening = Unread | { readonly kind: "records"; readonly records: Iterable<RecordOpening> };

/**
 * Makes the opener of a mapping's messages: body, envelopes, conditions on the message, list, conditions on each record. Reasons are
 * `place: reason`, and quote no value.
 *
 * @param when the conditions, if not those of the mapping
 */
export function createRecordOpener(
  mapping: Mapping,
  when = mapping.when,
): (sent: MappedMessage) => MessageOpening {
  const open = createOpener(mapping);
  const hasList = mapping.records !== undefined;
  const ofMessage = createConditions(when.filter((each) => !hasList || !isOfRecord(each)));
  const check = createCheck(createConditions(when.filter(isOfRecord)), mapping.unmatched);
  const checkMessage = createCheck(ofMessage, mapping.unmatched);
  const recordsOf = mapping.records === undefined ? undefined : createList(mapping.records);
  return (sent) => {
    const message = open(sent);
    if (message instanceof Invalid) return { kind: "rejected", reasons: [message.reason] };
    const whole = new OpenedRecord(message, message.message, 0);
    const unread = checkMessage(whole);
    if (unread !== undefined) return unread;
    if (recordsOf === undefined) return { kind: "records", records: [whole] };
    const list = recordsOf(whole);
    if (list instanceof Invalid) return { kind: "rejected", reasons: [`records: ${list.reason}`] };
    return list.length === 0 ? SKIPPED : { kind: "records", records: each(whole, list, check) };
  };
}

/** @returns decides a record's conditions; undefined if the record is to be read */
function createCheck(
  conditions: Conditions,
  unmatched: Mapping["unmatched"],
): (opened: OpenedRecord) => Unread | undefined {
  return (opened) => {
    const unmet = conditions(opened);
    if (unmet === undefined) return undefined;
    // A value that could not be read may have been the one that matches.
    if (opened.beyond !== undefined) return { kind: "rejected", reasons: [opened.beyond] };
    return unmatched === "skip" ? SKIPPED : { kind: "rejected", reasons: unmet };
  };
}

/** The list may be in a text, as in the body of a request that API Gateway passes on. */
function createList(path: Path): (whole: OpenedRecord) => readonly Json[] | Invalid {
  const lookup = createLookup(path);
  return (whole) => {
    const found = lookup(whole);
    const list = typeof found === "string" ? readText(whole.message, path.text, found) : found;
    if (whole.beyond !== undefined) return new Invalid(whole.beyond);
    if (list === undefined) return new Invalid("missing");
    if (list instanceof Invalid) return list;
    if (!isList(list)) return new Invalid("not a list");
    return list.length > MAX_RECORDS ? new Invalid("more than 50,000") : list;
  };
}

function* each(
  { message }: OpenedRecord,
  list: readonly Json[],
  check: (opened: OpenedRecord) => Unread | undefined,
): Generator<RecordOpening, void, undefined> {
  for (const [index, record] of list.entries()) {
    const opened = new OpenedRecord(message, record, index);
    const unread = check(opened);
    yield unread === undefined ? opened : { ...unread, index };
  }
}

/**
 * Makes the reader of the idempotency key's parts.
 *
 * @returns reads the parts as a JSON list, or each part that is missing or null as a reason
 */
export function createDedupe(dedupe: readonly Path[]): (opened: OpenedRecord) => string | readonly string[] {
  const parts = dedupe.map((path) => ({ text: path.text, lookup: createLookup(path) }));
  return (opened) => {
    const values: Json[] = [];
    const reasons: string[] = [];
    for (const { text, lookup } of parts) {
      const value = lookup(opened) ?? null;
      if (value === null) reasons.push(`dedupe part ${text}: missing`);
      else values.push(value);
    }
    return reasons.length > 0 ? reasons : stringify(values);
  };
}
