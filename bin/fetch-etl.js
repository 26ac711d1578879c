#!/usr/bin/env node
// Before anything else is loaded: without a listener, SIGUSR1 opens Node's inspector, through which the masking key could be read.
process.on("SIGUSR1", () => undefined);

const { main } = await import("../dist/src/main.js");
process.exitCode = await main(process.argv.slice(2));
