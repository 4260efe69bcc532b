/** `fsdfs doctor`: looks for what is wrong with a server, its machine and its network, and says what to do about it. */
import { START_OPTIONS } from "../../config.ts";
import { flagOption } from "../../options.ts";
import { command } from "../command.ts";
import { LOCAL_DATA_OPTION } from "../local-choice.ts";
import { writeJson } from "../output.ts";

const { state, port, swarmPort, listen, quota, noDiscovery } = START_OPTIONS;

export const doctor = command({
  name: "doctor",
  summary: "Looks for what is wrong with a server, its machine and its network.",
  usage: "",
  details:
    "Of a server that runs it asks much by itself; for one that is stopped, or is still to be, give the options that it is started with. The exit code is 1 when something has failed.",
  options: {
    data: LOCAL_DATA_OPTION,
    state,
    port,
    swarmPort,
    listen,
    quota,
    noDiscovery,
    json: flagOption({ flag: "json", help: "Writes JSON: the findings, each with check, level, message and hint." }),
  },
  positionals: [0, 0],
  run: async ({ values, context }) => {
    // Loaded only now: it looks into everything, so it needs everything.
    const { describeFindings, examine } = await import("../doctor/examine.ts");
    const findings = await examine(values, context.environment);
    if (values.json) writeJson(context.out, { findings });
    else context.out.write(describeFindings(findings, context.out.terminal && !context.environment.NO_COLOR));
    return findings.some(({ level }) => level === "fail") ? 1 : 0;
  },
});
