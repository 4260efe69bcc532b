/** `fsdfs doctor` at work: what it looks at, in which order, and how it is told. */
import { join, resolve } from "node:path";
import { createClient } from "../../client/node.ts";
import { DATA_DIRECTORY, STATE_DIRECTORY_NAME } from "../../config.ts";
import { isDataInUse } from "../../main.ts";
import type { Environment } from "../../options.ts";
import { trustOf } from "../connection.ts";
import { chooseLocalServer } from "../local-choice.ts";
import { type Finding, type Level, runChecks, type Subject } from "./check.ts";
import { DISK_CHECKS } from "./disk.ts";
import { MACHINE_CHECKS } from "./machine.ts";
import { MULTICAST_CHECKS } from "./multicast.ts";
import { healthAt, PORT_CHECKS } from "./ports.ts";
import { OTHERS_CHECKS, SWARM_CHECKS } from "./swarm.ts";

const CHECKS = [
  ...MACHINE_CHECKS,
  ...DISK_CHECKS,
  ...SWARM_CHECKS,
  ...PORT_CHECKS,
  ...MULTICAST_CHECKS,
  ...OTHERS_CHECKS,
];
/** A server that does not answer is a finding, not a reason to wait. */
const ROSTER_MS_MAX = 5_000;

export interface Wanted {
  readonly data: string | undefined;
  readonly state: string | undefined;
  readonly port: number;
  readonly swarmPort: number | undefined;
  readonly listen: string | undefined;
  readonly quota: number | undefined;
  readonly noDiscovery: boolean;
}

export async function examine(wanted: Wanted, environment: Environment): Promise<Finding[]> {
  const server = await chooseLocalServer(environment, wanted.data, "doctor");
  const data = server?.data ?? wanted.data ?? resolve(DATA_DIRECTORY);
  const trust = await trustOf(server);
  const client =
    server && createClient({ url: server.url, credential: { kind: "signing", requestKey: server.requestKey }, trust });
  try {
    const health = server && (await healthAt(server.url));
    const roster = await client
      ?.withSignal(AbortSignal.timeout(ROSTER_MS_MAX))
      .servers()
      .catch(() => undefined);
    const subject: Subject = {
      data,
      state: wanted.state ?? join(data, STATE_DIRECTORY_NAME),
      port: wanted.port,
      swarmPort: health?.swarmPort ?? wanted.swarmPort ?? wanted.port + 1,
      listen: wanted.listen,
      quotaBytes: wanted.quota,
      discovery: !wanted.noDiscovery,
      environment,
      inUse: server !== undefined || (await isDataInUse(data).catch(() => false)),
      server,
      client: roster === undefined ? undefined : client,
      roster,
    };
    return await runChecks(CHECKS, subject);
  } finally {
    client?.close();
  }
}

const COLORS: Readonly<Record<Level, number>> = { ok: 32, warn: 33, fail: 31 };

export function describeFindings(findings: readonly Finding[], colors: boolean): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const painted = (level: Level) => (colors ? `\x1b[${COLORS[level]}m${level.padEnd(4)}\x1b[0m` : level.padEnd(4));
  const lines = findings.map(({ level, check, message, hint }) => {
    const line = `${painted(level)}  ${check.padEnd(width)}  ${message}\n`;
    return hint === undefined ? line : `${line}${" ".repeat(width + 8)}-> ${hint}\n`;
  });
  const count = (wanted: Level) => findings.filter(({ level }) => level === wanted).length;
  return `${lines.join("")}\n${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} failed\n`;
}
