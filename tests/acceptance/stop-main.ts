/** npm run test:stop -- --rounds 200 [--seed S]   SIGSTOP of servers that are dropping copies, over and over; prints figures */
import { parseCommandLine } from "../command-line.ts";
import { stopRounds } from "./stop-rounds.ts";

const { values } = parseCommandLine(import.meta.url, {
  options: { rounds: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});

const startedMs = performance.now();
const figures = await stopRounds(Number(values.rounds), Number(values.seed), (line) => console.log(line));
console.log(`${JSON.stringify(figures)} in ${Math.round((performance.now() - startedMs) / 1000)} s`);
