/** Which server of this machine a command is about that has to do with its process or its files, not with the swarm. */
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { DATA_DIRECTORY } from "../config.ts";
import { absolutePath } from "../config-values.ts";
import { type Environment, option } from "../options.ts";
import { LocalError } from "./command.ts";
import { findLocalServers, knownDataDirectories, type LocalServer } from "./local-access.ts";
import { logFile } from "./log-file.ts";
import { quoted } from "./output.ts";

export const LOCAL_DATA_OPTION = option(
  {
    flag: "data",
    env: "FSDFS_DATA",
    placeholder: "DIR",
    defaultText: `${DATA_DIRECTORY}, else the only server of yours on this machine`,
    help: "The server that runs on this data directory.",
  },
  absolutePath,
  undefined,
);

/** @throws LocalError when several come into question, of which `commandName` must not choose one by itself */
export async function chooseLocalServer(
  environment: Environment,
  data: string | undefined,
  commandName: string,
): Promise<LocalServer | undefined> {
  const found = await findLocalServers(environment, data);
  const here = found.find((each) => each.data === resolve(DATA_DIRECTORY));
  if (here !== undefined || found.length <= 1) return here ?? found[0];
  throw ambiguous(
    found.map((each) => each.data),
    "server",
    commandName,
  );
}

/**
 * The server of this machine that a command about the swarm asks: any of one swarm does.
 *
 * @throws LocalError when there are servers of several swarms, by their passwords: what is deleted must not be chance
 */
export function oneOfTheSwarm(found: readonly LocalServer[]): LocalServer | undefined {
  const here = found.find((each) => each.data === resolve(DATA_DIRECTORY));
  const [first] = found;
  const isOneSwarm = found.every(({ requestKey }) => Buffer.compare(requestKey, first?.requestKey ?? requestKey) === 0);
  if (here !== undefined || isOneSwarm) return here ?? first;
  throw new LocalError(
    `Servers of more than one swarm of yours run on this machine: ${found.map((each) => each.data).join(", ")}.`,
    `Say which is meant, as in: --data ${quoted(first?.data ?? "")}`,
  );
}

/** The data directory whose log is meant: as above, else the only one that has a log. */
export async function chooseLog(environment: Environment, data: string | undefined): Promise<string> {
  if (data !== undefined) return data;
  const running = await chooseLocalServer(environment, undefined, "logs");
  if (running !== undefined) return running.data;
  const known = [...new Set(await knownDataDirectories(environment))];
  const logged = await Promise.all(known.map((each) => stat(logFile(each)).catch(() => undefined)));
  const found = known.filter((_, at) => logged[at] !== undefined);
  const here = found.find((each) => each === resolve(DATA_DIRECTORY));
  if (here === undefined && found.length > 1) throw ambiguous(found, "log", "logs");
  return here ?? found[0] ?? resolve(DATA_DIRECTORY);
}

function ambiguous(directories: readonly string[], what: string, commandName: string): LocalError {
  return new LocalError(
    `There is more than one ${what} of yours on this machine: ${directories.join(", ")}.`,
    `Say which, as in: fsdfs ${commandName} --data ${quoted(directories[0] ?? "")}`,
  );
}
