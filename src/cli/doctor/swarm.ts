/** The other servers, as the running server sees them and as they are reached from here: firewalls, clocks, versions. */
import type { ClockStatus, ServerInfo } from "../../server/face.ts";
import { formatSkew, shown } from "../output.ts";
import { type Check, type Found, fail, ok, warn } from "./check.ts";
import { type HealthAnswer, healthAt, type Reach, reach } from "./ports.ts";

/** Half of what keeps a server out: NTP holds clocks within a fraction of a second. */
const SKEW_MS_MAX = 5_000;
const AHEAD_MS_MAX = 60_000;

const server: Check = {
  name: "server",
  run: async ({ server: own, inUse, roster, data }) => {
    if (own !== undefined && roster !== undefined) return [ok(`It runs, as process ${own.pid}`)];
    if (own !== undefined) return [fail("It runs and does not answer.", "See its log: fsdfs logs, or journalctl.")];
    if (inUse) {
      return [
        warn(
          `A server runs on ${data} that is not this user's, or in another container.`,
          "Run this as the user who started it: much can only be asked of the server itself.",
        ),
      ];
    }
    return [ok("None runs; start it to have the other servers checked as well")];
  },
};

const servers: Check = {
  name: "other servers",
  run: async ({ roster }) => {
    const others = roster?.filter(({ self }) => !self);
    if (others === undefined) return [];
    if (others.length === 0) return [ok("There is no other server yet")];
    return await Promise.all(others.map(async (other) => judgeServer(other, await reachServer(other))));
  },
};

export interface Reached {
  readonly health: HealthAnswer | undefined;
  readonly http: Reach;
  /** undefined: the port is not known. */
  readonly swarm: Reach | undefined;
  readonly swarmPort: number;
}

async function reachServer({ url }: ServerInfo): Promise<Reached> {
  const { hostname, port, protocol } = new URL(url);
  const httpPort = Number(port || (protocol === "https:" ? 443 : 80));
  const [health, http] = await Promise.all([healthAt(url), reach(hostname, httpPort)]);
  const swarmPort = health?.swarmPort ?? httpPort + 1;
  return { health, http, swarmPort, swarm: await reach(hostname, swarmPort) };
}

/** @param other what our server says of it. @param reached what was seen from here */
export function judgeServer(other: ServerInfo, { health, http, swarm, swarmPort }: Reached): Found {
  const name = `${shown(other.name)} (${other.id}, ${shown(other.url)})`;
  const problem = other.problem === null ? "" : ` The server says: ${shown(other.problem)}.`;
  const stranger = health !== undefined && health.server !== other.id;
  if (other.state === "up") {
    if (health !== undefined && !stranger) return ok(`${name} is up, and reached from here`);
    return warn(
      stranger
        ? `${name} is up, but at its URL another server answers, ${shown(health.name)}.`
        : `${name} is up, but does not answer clients from here.`,
      "Readers are sent to that URL. Open its port, tell its public address with --url, or use --redirect never.",
    );
  }
  const ports = `${new URL(other.url).hostname}, ports ${new URL(other.url).port} and ${swarmPort}`;
  if (stranger) {
    return fail(
      `${name} is ${other.state}, and at its address is another server, ${shown(health.name)}.${problem}`,
      "Has it moved? Start it again with --join, where it is now.",
    );
  }
  if (http === "refused" && swarm === "refused") {
    return fail(`${name} is ${other.state}: nothing listens there.${problem}`, "Start it on its machine: fsdfs start");
  }
  if (http === "silent" && swarm === "silent") {
    return fail(
      `${name} is ${other.state}: nothing comes back from ${ports}.${problem}`,
      "Is that machine off? Else a firewall is between: both ports must be open for TCP, on both machines.",
    );
  }
  if (swarm !== "open") {
    return fail(
      `${name} is ${other.state}: its port ${swarmPort} for servers is not reached, that for clients is.${problem}`,
      `Open port ${swarmPort} for TCP in the firewalls between.`,
    );
  }
  return fail(
    `${name} is ${other.state}, though it is reached from here.${problem}`,
    "Compare the passwords and the clocks (fsdfs clock); its log says more.",
  );
}

const versions: Check = {
  name: "versions",
  run: async ({ roster }) => (roster === undefined ? [] : [judgeVersions(roster)]),
};

export function judgeVersions(roster: readonly ServerInfo[]): Found {
  const all = [...new Set(roster.map(({ softwareVersion }) => softwareVersion))].map(shown);
  if (all.length === 1) return ok(`Every server has ${all[0]}`);
  const told = roster.map(({ name, softwareVersion }) => `${shown(name)} ${shown(softwareVersion)}`).join(", ");
  return warn(
    `The servers have different versions: ${told}.`,
    "They work together; update the older ones, one by one.",
  );
}

const alarms: Check = {
  name: "alarms",
  run: async ({ roster }) => (roster === undefined ? [] : judgeAlarms(roster)),
};

function judgeAlarms(roster: readonly ServerInfo[]): Found[] {
  const raised = roster.flatMap((each) => each.alarms.map(({ message }) => shown(message)));
  if (raised.length === 0) return [ok("No server's disk returns errors")];
  return raised.map((message) => fail(message, "See the kernel's log (dmesg) and smartctl on that machine."));
}

const clocks: Check = {
  name: "clocks",
  run: async ({ client }) => (client === undefined ? [] : judgeClocks(await client.clock())),
};

export function judgeClocks({ servers: all, aheadMs, advice }: ClockStatus): Found[] {
  const others = all.filter(({ self, skewMs }) => !self && skewMs !== null);
  const away = others.filter(({ refused, skewMs }) => refused || Math.abs(skewMs ?? 0) > SKEW_MS_MAX);
  const findings = away.map(({ name, skewMs, refused }) => {
    const told = `The clock of ${shown(name)} differs from this server's by ${formatSkew(skewMs ?? 0)}`;
    const hint = "See which is wrong (date, fsdfs clock), and run NTP: timedatectl set-ntp true";
    return refused ? fail(`${told}, so the two do not work together.`, hint) : warn(`${told}.`, hint);
  });
  if (aheadMs > AHEAD_MS_MAX) findings.push(warn(`Files are dated ${formatSkew(aheadMs)} ahead.`, shown(advice)));
  if (findings.length > 0) return findings;
  if (others.length === 0) return [ok("There is no other clock to compare with")];
  const most = Math.max(...others.map(({ skewMs }) => Math.abs(skewMs ?? 0)));
  return [ok(`The servers' clocks differ by ${formatSkew(most)} at most`)];
}

export const SWARM_CHECKS: readonly Check[] = [server];
export const OTHERS_CHECKS: readonly Check[] = [servers, clocks, versions, alarms];
