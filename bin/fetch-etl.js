#!/usr/bin/env node
// Old versions of Node.js must be able to parse this file, so that they say what is wrong: no import declaration, no await outside a
// function, nothing newer than ES2018 except import(). It works as a module, and as a script in versions without modules.
const NEEDED = [20, 19];
const [major, minor] = process.versions.node.split(".").map(Number);

if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(
    `error: fetch-etl needs Node.js ${NEEDED.join(".")} or later, and this is ${process.versions.node}: install a newer version, or select one in your version manager or PATH.\n`,
  );
  process.exitCode = 2;
} else {
  // SIGUSR1 opens Node's inspector, through which the masking key could be read. A listener prevents that.
  process.on("SIGUSR1", () => undefined);
  // For a run that ends before main has its answer.
  process.exitCode = 1;
  void run();
}

async function run() {
  // An inspector that was opened before the listener is closed, before anything else is loaded.
  const { close, url } = await import("node:inspector");
  const wanted = /--inspect(?!-port|-publish)/.test(
    [...process.execArgv, process.env.NODE_OPTIONS].join(" "),
  );
  if (url() !== undefined && !wanted) close();
  const { main } = await import("../dist/bundle/main.js");
  process.exitCode = await main(process.argv.slice(2));
}
