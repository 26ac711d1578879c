// Pure: contradictions between the keys of a column, which no schema can express.
import { listOf } from "./complete.ts";
import { Invalid, TYPES, type Fact, type Normalization, type TypeName } from "./mapping.ts";
import { whyNoField } from "./names.ts";
import { parsePath } from "./path.ts";
import type { ReadColumn } from "./schema.ts";
import { TRAITS, type Traits } from "./traits.ts";

/** A contradiction: the key where it is reported, and a sentence. */
export interface Contradiction {
  readonly key: ColumnKey;
  readonly sentence: string;
}

type ColumnKey = keyof ReadColumn;

/** Looks at these keys, and is left out if one of them has a mistake of its own. */
interface Check {
  readonly keys: readonly ColumnKey[];
  /** Why the last of the keys does not fit; undefined if it does. */
  readonly find: (column: ReadColumn, name: string) => string | undefined;
}

const CHECKS: readonly Check[] = [
  { keys: ["type", "from"], find: whyNotFrom },
  ...(["min", "max"] as const).map((key) => onlyFor(key, "length", ({ length }) => length)),
  ...(["unit", "zone"] as const).map((key) => onlyFor(key, "time", ({ time }) => time)),
  onlyFor("keep", "parts", ({ parts }) => parts),
  {
    keys: ["min", "max"],
    find: ({ min = 0, max = Infinity }) => (min > max ? `max is less than min, which is ${min}.` : undefined),
  },
  { keys: ["type", "normalize"], find: whyNotNormalized },
  {
    keys: ["normalize"],
    find: ({ normalize = [] }) =>
      normalize.includes("first") && normalize.includes("last")
        ? "first and last exclude each other. Remove one of them."
        : undefined,
  },
  {
    keys: ["normalize"],
    find: ({ normalize = [] }) => {
      const early = normalize.slice(0, Math.max(normalize.lastIndexOf("trim"), 0)).find(isAboutWhole);
      return early && `${early} does not see what has blanks around it. Put trim before ${early}.`;
    },
  },
  { keys: ["type", "mask"], find: whyNotMasked },
  {
    keys: ["mask", "field"],
    find: ({ mask, field }) =>
      field !== undefined && mask === undefined
        ? "field is the name of a mask's key, and this column has no mask: it would be stored in the clear. Add mask, or remove field."
        : undefined,
  },
  { keys: ["field", "mask"], find: whyNoDefaultField },
  { keys: ["type", "mask", "field"], find: whyNotThisField },
  {
    keys: ["nullable", "invalid"],
    find: ({ nullable, invalid }) =>
      invalid === "set_null" && !nullable
        ? "set_null contradicts nullable: false. Remove one of them."
        : undefined,
  },
  {
    keys: ["nullable", "default", "required"],
    find: ({ nullable, required, default: standIn }) =>
      !required && !nullable && standIn === undefined
        ? "required: false contradicts nullable: false, because a missing value is null. Remove one of them, or add a default."
        : undefined,
  },
  { keys: ["type", "default"], find: whyNotDefault },
];

/**
 * All contradictions of a column.
 *
 * @param isBroken whether a key has a mistake of its own
 */
export function contradictions(
  name: string,
  column: ReadColumn,
  isBroken: (key: string) => boolean,
): Contradiction[] {
  return CHECKS.filter(({ keys }) => !keys.some(isBroken)).flatMap(({ keys, find }) => {
    const sentence = find(column, name);
    const key = keys.at(-1);
    return sentence === undefined || key === undefined ? [] : [{ key, sentence }];
  });
}

function onlyFor(key: ColumnKey, what: string, has: (traits: Traits) => boolean): Check {
  return {
    keys: ["type", key],
    find: (column) => {
      if (column[key] === undefined || has(TRAITS[column.type])) return undefined;
      return `${key} is only for ${typesWith(has)}: ${column.type} has no ${what}.`;
    },
  };
}

function typesWith(has: (traits: Traits) => boolean): string {
  return TYPES.filter((type) => has(TRAITS[type])).join(", ");
}

/** Whether a step looks at a whole text. */
function isAboutWhole(step: Normalization): boolean {
  return step === "uuid" || step === "empty" || step === "nil";
}

/** The types that can read a fact, which is always there. */
const FACT_TYPES: Readonly<Record<Fact, readonly TypeName[]>> = {
  index: ["integer", "bigint", "numeric", "double", "jsonb"],
  message_id: ["text", "uuid", "jsonb"],
  sent_at: ["text", "date", "timestamptz", "jsonb"],
  queue: ["text", "jsonb"],
  body: ["text", "jsonb"],
};

function whyNotFrom({ type, from }: ReadColumn): string | undefined {
  const paths = listOf(from).map(parsePath);
  for (const [index, path] of paths.entries()) {
    if (path instanceof Invalid || path.kind !== "fact") continue;
    const types = FACT_TYPES[path.fact];
    if (!types.includes(type)) {
      return `${path.text} is not possible for type ${type}. Possible types: ${types.join(", ")}.`;
    }
    if (index < paths.length - 1) {
      return `the paths after ${path.text} are never used, because it always has a value. Put it last.`;
    }
  }
  return undefined;
}

function whyNotNormalized({ type, normalize = [] }: ReadColumn): string | undefined {
  const possible = TRAITS[type].normalize;
  const other = normalize.filter((step) => !possible.includes(step));
  if (other.length === 0) return undefined;
  const instead = possible.length === 0 ? "none" : possible.join(", ");
  return `${other.join(", ")} is not possible for type ${type}. Possible: ${instead}.`;
}

function whyNotMasked({ type, mask }: ReadColumn): string | undefined {
  if (mask === undefined) return undefined;
  const kind = mask === "token" ? "token" : "network";
  if (TRAITS[type].mask.includes(kind)) return undefined;
  const types = typesWith((traits) => traits.mask.includes(kind));
  return `${kind} is not possible for type ${type}. Possible types: ${types}.`;
}

function whyNoDefaultField({ mask, field }: ReadColumn, name: string): string | undefined {
  const reason = mask !== undefined && field === undefined ? whyNoField(name) : undefined;
  return reason === undefined ? undefined : `the column's name cannot be its field: ${reason}. Add field.`;
}

/** The tokens of field ip are those of addresses, also in `mask` and `forget`, which know no mapping. */
function whyNotThisField(column: ReadColumn, name: string): string | undefined {
  if (column.mask === undefined || (column.field ?? name) !== "ip" || column.type === "ip") return undefined;
  return `field ip is for type ip, and this column is ${column.type}. Write type: ip, or name another field.`;
}

function whyNotDefault({ type, default: standIn }: ReadColumn): string | undefined {
  if (standIn === null) return "null is not a default. Remove it, and write required: false.";
  const isOneValue = typeof standIn !== "object";
  return isOneValue || hasParts(type) ? undefined : `a list or an object is not a value of type ${type}.`;
}

function hasParts(type: TypeName): boolean {
  return TRAITS[type].parts;
}
