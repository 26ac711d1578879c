// Pure: the type `bigint`.
import { integerType } from "./integer.ts";

export const BIGINT = integerType("bigint", 64, ["bigint"]);
