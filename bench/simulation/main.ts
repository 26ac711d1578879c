// `node dist/bench/simulation/main.js`: the tables of docs/parallel-drains.md that are simulated. Takes half a minute.
import { readKept } from "../report/report.ts";
import { compare, comparisonTable, fifoTable, manyTable } from "./scaling.ts";

const results = await readKept();

console.log(comparisonTable([...(await compare(results, 20)), ...(await compare(results, 50))]), "\n");
console.log(await manyTable(results, [1, 2, 4, 8, 16, 32, 64]), "\n");
console.log(await fifoTable(results, [1, 10, 100, 1000]));
