/**
 * npm run scenario                             the names of the scenarios
 * npm run scenario NAME [--restart]            one, with real processes; each server stopped and started in the middle
 * npm run scenario restart                     all of them that way, which is scenario 10
 * npm run scenario all                         all of them
 *   --simulated [--seed N]                     on the simulator's clock
 *   --servers N                                how many servers many-servers has
 */
import { parseCommandLine } from "../command-line.ts";
import { type PlayOptions, play } from "./play.ts";
import { isScenarioName, SCENARIO_NAMES, SCENARIOS, type ScenarioName } from "./scenarios.ts";

/** As many real ones as two cores bear. */
const SERVERS_LIVE = 10;
const SERVERS_SIMULATED = 100;

const { values, positionals } = parseCommandLine(import.meta.url, {
  allowPositionals: true,
  options: {
    restart: { type: "boolean", default: false },
    simulated: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    servers: { type: "string" },
  },
});

const names = chosen(positionals);
if (names === undefined) usage();
else for (const name of names) await playAndTell(name);

function chosen([name]: readonly string[]): readonly ScenarioName[] | undefined {
  if (name === undefined) return undefined;
  if (name === "all" || name === "restart") return SCENARIO_NAMES;
  return isScenarioName(name) ? [name] : undefined;
}

async function playAndTell(name: ScenarioName): Promise<void> {
  const { number, title } = SCENARIOS[name];
  const options: PlayOptions = {
    restarts: values.restart || positionals[0] === "restart",
    simulated: values.simulated,
    seed: Number(values.seed),
    servers: Number(values.servers ?? (values.simulated ? SERVERS_SIMULATED : SERVERS_LIVE)),
    tell: (line) => console.log(line),
  };
  const how = `${options.simulated ? "simulated" : "live"}${options.restarts ? ", with restarts" : ""}`;
  console.log(`${number}. ${title} (${how})`);
  const startMs = performance.now();
  try {
    await play(name, options);
    console.log(`${name} holds (${((performance.now() - startMs) / 1000).toFixed(1)} s)\n`);
  } catch (error) {
    console.log(`${name} DOES NOT HOLD: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

function usage(): void {
  console.log("npm run scenario NAME [--restart] [--simulated [--seed N]] [--servers N]\n");
  for (const name of SCENARIO_NAMES) console.log(`  ${name.padEnd(20)} ${SCENARIOS[name].title}`);
  console.log(`  ${"restart".padEnd(20)} Restart keeps everything: all of them with --restart`);
  console.log(`  ${"all".padEnd(20)} all of them`);
  process.exitCode = positionals.length === 0 ? 0 : 2;
}
