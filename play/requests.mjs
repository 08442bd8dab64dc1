// Reads the words of scenarios, as a play gives them, and writes a thousand requests, a line each: every manner of
// client beside others, every service, with faults and with each rule broken.
import { readFileSync } from "node:fs";

const { clients, rules } = JSON.parse(readFileSync(0, "utf8"));
const SEEDS = 1000;
const SETTINGS = [
  "", "service echo\nauth md5", "service login\nauth none\ncheck-time 3s", "service upper-once\nauth hmac-sha256",
  "interrupted 30", "few-events\nsend-buffer 100", "descriptors 2 until 3s", "stop at 4s", "hangup at 1s\nmax-buffer 64",
];
const pick = (list, number) => list[number % list.length];

for (let seed = 1; seed <= SEEDS; seed += 1) {
  const three = [0, 1, 2].map((i) => `${pick(clients, seed + i * (1 + seed % 7)).name} at ${i * 300}ms size 500`);
  const rule = pick([null, ...rules], seed);
  const lines = [pick(SETTINGS, seed), ...three, ...(rule ? [`break ${rule.name}`] : [])];
  const scenario = lines.join("\n").replace(/flood/g, "9 flood");
  console.log(JSON.stringify({ ask: "events", seed, scenario, after: 0, until: 2000 }));
}
