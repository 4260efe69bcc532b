/**
 * npm run drills [-- --seeds N --from S --only NAME]   plays every drill with N seeds, and prints what fails
 * npm run drills -- --only NAME --seed S [--verbose]   plays one drill with one seed; --calls tells every port call
 */

import { composeServer } from "../../../src/main.ts";
import { parseCommandLine } from "../../command-line.ts";
import { DRILLS, drillNamed } from "./drills.ts";
import { type Drill, runDrill } from "./stage.ts";

const { values } = parseCommandLine(import.meta.url, {
  options: {
    seeds: { type: "string", default: "5" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    only: { type: "string" },
    verbose: { type: "boolean", default: false },
    calls: { type: "boolean", default: false },
  },
});

const MESSAGE_LENGTH_MAX = 600;
const tell = values.verbose ? (line: string) => console.log(line) : undefined;
const chosen = values.only === undefined ? DRILLS : [drillNamed(values.only)];
const first = Number(values.seed ?? values.from);
const seeds = values.seed === undefined ? Number(values.seeds) : 1;
let failed = 0;
for (const drill of chosen) await play(drill);
console.log(`${chosen.length} drills with ${seeds} seeds each, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function play(drill: Drill): Promise<void> {
  const startMs = performance.now();
  for (let seed = first; seed < first + seeds; seed++) {
    const { failures } = await runDrill(drill, seed, {
      compose: composeServer,
      ...(tell && { tell }),
      tellCalls: values.calls,
    });
    if (failures.length === 0) continue;
    failed += 1;
    console.log(`FAILED ${drill.name} seed ${seed}: npm run drills -- --only "${drill.name}" --seed ${seed} --verbose`);
    for (const { rule, message } of failures.slice(0, 4))
      console.log(`  ${rule}: ${message.slice(0, MESSAGE_LENGTH_MAX)}`);
  }
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`${drill.rules.padEnd(9)} ${drill.name}: ${seeds} seeds in ${seconds.toFixed(1)} s`);
}
