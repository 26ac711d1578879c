// Finds the names in SQL that Postgres would look up in the search path, with Postgres's own parser.
import { parsePlPgSQLSync, parseSync } from "libpg-query";

export interface SqlNames {
  /** What is looked up by a name without a schema, and the forms that look an operator up without naming it. */
  readonly unqualified: readonly string[];
  readonly functions: ReadonlySet<string>;
  readonly operators: ReadonlySet<string>;
}

/** Parts of a parse tree. */
type Node = Readonly<Record<string, unknown>>;

/** Kinds of `A_Expr` that take the operator's name as it is written. */
const WRITTEN = new Set(["AEXPR_OP", "AEXPR_OP_ANY", "AEXPR_OP_ALL"]);

/** Call {@link loadModule} of `libpg-query` before. */
export function namesIn(sql: string): SqlNames {
  const found = {
    unqualified: new Array<string>(),
    functions: new Set<string>(),
    operators: new Set<string>(),
  };
  walk(parseSync(sql), new Set(), found);
  return found;
}

interface Found extends SqlNames {
  readonly unqualified: string[];
  readonly functions: Set<string>;
  readonly operators: Set<string>;
}

/** @param queries the names of the WITH queries that are seen here */
function walk(value: unknown, queries: ReadonlySet<string>, found: Found): void {
  if (Array.isArray(value)) {
    for (const each of value) walk(each, queries, found);
    return;
  }
  if (!isNode(value)) return;
  const within = new Set([...queries, ...queriesOf(value)]);
  for (const [kind, part] of Object.entries(value)) {
    if (isNode(part)) look(kind, part, within, found);
    walk(part, within, found);
  }
}

/** The names that a statement's WITH gives. */
function queriesOf(value: Node): string[] {
  const names: string[] = [];
  for (const part of Object.values(value)) {
    const clause = isNode(part) && isNode(part["withClause"]) ? part["withClause"]["ctes"] : undefined;
    for (const cte of list(clause)) {
      const query = isNode(cte) ? cte["CommonTableExpr"] : undefined;
      if (isNode(query) && typeof query["ctename"] === "string") names.push(query["ctename"]);
    }
  }
  return names;
}

function look(kind: string, part: Node, queries: ReadonlySet<string>, found: Found): void {
  const bad = (what: string): number => found.unqualified.push(what);
  if (kind === "FuncCall") {
    const name = strings(part["funcname"]);
    found.functions.add(name.at(-1) ?? "");
    if (name[0] !== "pg_catalog") bad(`function ${name.join(".")}`);
  } else if (kind === "A_Expr") {
    const name = strings(part["name"]);
    found.operators.add(name.at(-1) ?? "");
    const form = String(part["kind"]);
    if (!WRITTEN.has(form)) bad(`form ${form}`);
    else if (name[0] !== "pg_catalog") bad(`operator ${name.join(".")}`);
  } else if (kind === "SubLink") {
    const name = strings(part["operName"]);
    const looksUp = part["testexpr"] !== undefined;
    if (looksUp && name[0] !== "pg_catalog") bad(`operator ${name.join(".")} of a subquery`);
  } else if (kind === "CaseExpr") {
    if (part["arg"] !== undefined) bad("form CASE x WHEN");
  } else if (kind === "JoinExpr") {
    if (part["usingClause"] !== undefined || part["isNatural"] === true) bad("form JOIN USING");
  } else if (kind === "RangeVar" || kind === "relation" || kind === "typevar") {
    const name = part["relname"];
    if (typeof name === "string" && part["schemaname"] === undefined && !queries.has(name)) {
      bad(`table ${name}`);
    }
  } else if (kind === "TypeName" || kind === "typeName") {
    const name = strings(part["names"]);
    if (name.length === 1) bad(`type ${name.join(".")}`);
  } else if (kind === "CollateClause" || kind === "collClause") {
    const name = strings(part["collname"]);
    if (name.length === 1) bad(`collation ${name.join(".")}`);
  } else if (kind === "DoStmt") lookInBlock(part, found);
  const order = strings(part["useOp"]);
  if (order.length === 1) bad(`operator ${order.join(".")} of an order`);
}

/** A DO block: each expression and each statement in it. What it puts together as a text is not seen. */
function lookInBlock(part: Node, found: Found): void {
  for (const option of list(part["args"])) {
    const element = isNode(option) ? option["DefElem"] : undefined;
    if (!isNode(element) || element["defname"] !== "as" || !isNode(element["arg"])) continue;
    const text = element["arg"]["String"];
    if (!isNode(text) || typeof text["sval"] !== "string") continue;
    const quote = "$names$";
    const block = parsePlPgSQLSync(
      `create function pg_temp.block() returns void language plpgsql as ${quote}${text["sval"]}${quote}`,
    );
    lookInExpressions(block, found);
  }
}

function lookInExpressions(value: unknown, found: Found): void {
  if (Array.isArray(value)) for (const each of value) lookInExpressions(each, found);
  if (!isNode(value)) return;
  const expression = value["PLpgSQL_expr"];
  if (isNode(expression) && typeof expression["query"] === "string") {
    const { query, parseMode } = expression;
    // Mode 0 is a whole statement.
    const names = namesIn(parseMode === 0 ? query : `select ${query}`);
    found.unqualified.push(...names.unqualified);
    for (const name of names.functions) found.functions.add(name);
    for (const name of names.operators) found.operators.add(name);
  }
  for (const part of Object.values(value)) lookInExpressions(part, found);
}

function strings(value: unknown): string[] {
  return list(value).flatMap((each) => {
    const text = isNode(each) ? each["String"] : undefined;
    return isNode(text) && typeof text["sval"] === "string" ? [text["sval"]] : [];
  });
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
