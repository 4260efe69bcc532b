/** `fsdfs clock` and `fsdfs clock repair`: how the servers' clocks are, and right times again after one ran ahead (C8). */
import { flagOption } from "../../options.ts";
import type { ClockOfServer, ClockStatus } from "../../server/face.ts";
import type { Command } from "../command.ts";
import { clientCommand } from "../connection.ts";
import { formatSkew, formatTime, shown, table, writeJson } from "../output.ts";

const show = clientCommand({
  name: "clock",
  summary: "Shows the clocks of the servers, as the server that is asked sees them.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const found = await client.clock();
    if (values.json) writeJson(context.out, found);
    else context.out.write(describe(found));
    return 0;
  },
});

const repair = clientCommand({
  name: "clock repair",
  summary: "Has files dated right again, after a clock ran ahead.",
  usage: "",
  details:
    "First set the clocks right. Then this makes new writes win over those of the wrong clock; no file is lost or copied.",
  options: {
    withoutAbsent: flagOption({
      flag: "without-absent",
      help: "Do without servers that are absent: what they took meanwhile loses against what is written from now on.",
    }),
  },
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const { withoutAbsent } = values;
    const done = await client.repairClock({ withoutAbsent });
    if (values.json) writeJson(context.out, done);
    else if (done.repaired) context.out.write(`Repaired: new files were dated ${formatSkew(done.aheadMs)} ahead.\n`);
    else context.out.write("There is nothing to repair: no file is dated in the future.\n");
    return 0;
  },
});

export const CLOCK_COMMANDS: readonly Command[] = [show, repair];

function describe(found: ClockStatus): string {
  const lines = [
    ["clock", `${formatTime(found.time)}, ${found.errorMs === null ? "no other was met" : differs(found.errorMs)}`],
    ["dated", `${formatSkew(found.aheadMs)} ahead of the clocks`],
    ["repaired", found.repaired === null ? "never" : `${formatTime(found.repaired)}, the last of ${found.epoch}`],
    ["advice", shown(found.advice)],
  ];
  const head = lines.map(([name, value]) => `${name?.padEnd(9)}${value}\n`).join("");
  return `${head}\n${describeServers(found.servers)}`;
}

function differs(errorMs: number): string {
  return `${formatSkew(Math.abs(errorMs))} ${errorMs < 0 ? "behind" : "ahead of"} the others`;
}

function describeServers(servers: readonly ClockOfServer[]): string {
  return table(servers, [
    { title: "SERVER", value: (server) => `${server.id}${server.self ? "*" : ""}` },
    { title: "NAME", value: (server) => shown(server.name) },
    { title: "STATE", value: (server) => `${server.state ?? "unknown"}${server.refused ? ", refused" : ""}` },
    { title: "DIFFERENCE", value: ({ skewMs }) => (skewMs === null ? "-" : formatSkew(skewMs)), right: true },
    { title: "DATED AHEAD", value: ({ aheadMs }) => (aheadMs === null ? "-" : formatSkew(aheadMs)), right: true },
  ]);
}
