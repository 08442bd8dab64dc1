// Runs the module that is named on the command line, and prints what it gives, a byte a call: see examples/schedules.rs.
import { readFileSync } from "node:fs";

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]));
const bytes = [];
for (let byte; (byte = instance.exports.main(0, 0)) !== 0; ) bytes.push(byte);
process.stdout.write(Buffer.from(bytes));
