// `node dist/bench/simulation/main.js`: the tables of docs/scaling.md that are simulated. Takes half a minute.
import { readFile } from "node:fs/promises";
import type { Report } from "../report/report.ts";
import { compare, comparisonTable, fifoTable, manyTable } from "./scaling.ts";

const RESULTS = new URL("../../../bench/results/latest.json", import.meta.url);
const results = JSON.parse(await readFile(RESULTS, "utf8")) as Report;

console.log(comparisonTable([...(await compare(results, 20)), ...(await compare(results, 50))]), "\n");
console.log(await manyTable(results, [1, 2, 4, 8, 16, 32, 64]), "\n");
console.log(await fifoTable(results, [1, 10, 100, 1000]));
