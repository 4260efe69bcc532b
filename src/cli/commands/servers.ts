/** `fsdfs servers`: the roster, with how each server is. */
import type { ServerInfo } from "../../server/face.ts";
import { clientCommand } from "../connection.ts";
import { count, formatSize, formatTime, shown, table, writeJson } from "../output.ts";
import { describeDrain } from "./drain.ts";

const EXAMPLES_SHOWN = 5;

export const servers = clientCommand({
  name: "servers",
  summary: "Shows the servers of the swarm and how each of them is.",
  usage: "",
  options: {},
  positionals: [0, 0],
  run: async ({ client, values, context }) => {
    const found = await client.servers();
    if (values.json) writeJson(context.out, { servers: found });
    else context.out.write(describe(found));
    return 0;
  },
});

export function describe(servers: readonly ServerInfo[]): string {
  const rows = table(servers, [
    { title: "SERVER", value: (server) => `${server.id}${server.self ? "*" : ""}` },
    { title: "NAME", value: (server) => shown(server.name) },
    { title: "STATE", value: (server) => stateOf(server) },
    { title: "FILES", value: (server) => server.files.toLocaleString("en-US"), right: true },
    { title: "USED", value: (server) => formatSize(server.quota.used), right: true },
    { title: "FREE", value: (server) => formatSize(server.quota.free), right: true },
    { title: "SURPLUS", value: (server) => String(server.maxSurplus ?? "-"), right: true },
    { title: "IF LOST", value: ({ forecast }) => (forecast === null ? "-" : forecast.safe ? "safe" : "not safe") },
    { title: "LOAD", value: (server) => server.load.toFixed(2), right: true },
    { title: "PULLS", value: (server) => String(server.pulls), right: true },
    { title: "SCRUB", value: ({ scrub }) => describeScrub(scrub) },
    { title: "ZONE", value: (server) => shown(server.zone) },
    { title: "VERSION", value: (server) => shown(server.softwareVersion) },
    { title: "URL", value: (server) => shown(server.url) },
  ]);
  const forecasts = servers.flatMap((server) => describeForecast(server) ?? []);
  const problems = servers.flatMap(({ name, id, problem }) =>
    problem === null ? [] : [`${shown(name)} (${id}): ${shown(problem)}\n`],
  );
  const drains = servers.filter(({ settings }) => settings.draining).map((server) => `${describeDrain(server)}\n`);
  const [asOf] = servers.flatMap(({ forecast }) => forecast?.asOf ?? []);
  if (forecasts.length > 0 && asOf !== undefined) forecasts.push(`(as of ${formatTime(asOf)})\n`);
  const alarms = servers.flatMap((server) => server.alarms.map(({ message }) => `${shown(message)}\n`));
  const told = [...forecasts, ...problems, ...alarms, ...drains, ...servers.map(describeStrangers)];
  return rows + told.join("");
}

/** Undefined when nothing happens to files, or nothing is known. */
export function describeForecast({ name, forecast }: Pick<ServerInfo, "name" | "forecast">): string | undefined {
  if (forecast === null || forecast.minSurplus === null) return undefined;
  const { lost, below, minSurplus, safe } = forecast;
  if (lost === 0 && below === 0 && minSurplus.now === minSurplus.without) return undefined;
  const told = [
    ...(lost > 0 ? [`${count(lost, "file")} would have no copy`] : []),
    ...(below > lost ? [`${count(below - lost, "file")} would have fewer copies than they must`] : []),
    `minSurplus ${minSurplus.now} → ${minSurplus.without}`,
    `safe to unplug: ${safe ? "yes" : "no"}`,
  ];
  return `without ${shown(name)}: ${told.join("; ")}\n`;
}

/** When the last cycle ended, how far this one is, and what they found. */
export function describeScrub(scrub: ServerInfo["scrub"]): string {
  if (scrub === null) return "-";
  const { share, ended, damaged } = scrub;
  const now = share === 1 && ended !== null ? [] : [`${Math.floor(share * 100)}%`];
  const before = ended === null ? [] : [`ended ${ended.slice(0, "2026-01-01".length)}`];
  return [...now, ...before, ...(damaged > 0 ? [`${damaged} damaged`] : [])].join(", ");
}

function stateOf({ state, full, settings: { paused, draining } }: ServerInfo): string {
  return [state, full && "full", paused && "paused", draining && "draining"].filter(Boolean).join(", ");
}

function describeStrangers({ strangers }: ServerInfo): string {
  if (strangers === null || strangers.files === 0) return "";
  const { files, examples } = strangers;
  const lie = files === 1 ? "1 file lies" : `${files.toLocaleString("en-US")} files lie`;
  const some = examples.slice(0, EXAMPLES_SHOWN).map(shown).join(", ");
  const more = files > EXAMPLES_SHOWN ? ", …" : "";
  const adopted = `To make ${files === 1 ? "it" : "them"} the swarm's, on that server's machine: fsdfs adopt DIR`;
  return `${lie} in the data directory that fsdfs does not know${some === "" ? "" : `: ${some}${more}`}\n${adopted}\n`;
}
