#!/usr/bin/env node
import { close, url } from "node:inspector";

// SIGUSR1 opens Node's inspector, through which the masking key could be read. A listener prevents that; one that came before it is undone.
process.on("SIGUSR1", () => undefined);
const wanted = /--inspect(?!-port|-publish)/.test([...process.execArgv, process.env.NODE_OPTIONS].join(" "));
if (url() !== undefined && !wanted) close();

// Not imported above, which would come first.
const { main } = await import("../dist/bundle/main.js");
process.exitCode = await main(process.argv.slice(2));
