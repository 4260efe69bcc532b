/** npm run test:kill -- --rounds 100 [--seed S]   kill -9 of one of three servers, round after round; prints figures */
import { parseCommandLine } from "../command-line.ts";
import { killRounds } from "./kill-rounds.ts";

const { values } = parseCommandLine(import.meta.url, {
  options: { rounds: { type: "string", default: "100" }, seed: { type: "string", default: "1" } },
});

const startedMs = performance.now();
const figures = await killRounds(Number(values.rounds), Number(values.seed), (line) => console.log(line));
console.log(`${JSON.stringify(figures)} in ${Math.round((performance.now() - startedMs) / 1000)} s`);
