// Answers the requests on standard input, a line each, by the module in the folder that is named on the command line:
// the same that `cargo run` in this folder does without WebAssembly.
import { readFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2]);
const { initSync, Play } = await import(pathToFileURL(join(folder, "sockmodes_play.js")));
initSync({ module: readFileSync(join(folder, "sockmodes_play_bg.wasm")) });
const play = new Play();
for await (const line of createInterface({ input: process.stdin })) writeSync(1, `${play.ask(line)}\n`);
