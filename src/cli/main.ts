/** `fsdfs COMMAND ...`: finds the command, runs it, and tells what went wrong. */

import { nearest } from "../options.ts";
import { type Command, type Context, UsageError } from "./command.ts";
import { adopt } from "./commands/adopt.ts";
import { cat } from "./commands/cat.ts";
import { CLOCK_COMMANDS } from "./commands/clock.ts";
import { copies } from "./commands/copies.ts";
import { demo } from "./commands/demo.ts";
import { doctor } from "./commands/doctor.ts";
import { drain } from "./commands/drain.ts";
import { drop } from "./commands/drop.ts";
import { events } from "./commands/events.ts";
import { find } from "./commands/find.ts";
import { get } from "./commands/get.ts";
import { KEY_COMMANDS } from "./commands/key.ts";
import { locate } from "./commands/locate.ts";
import { logs } from "./commands/logs.ts";
import { ls } from "./commands/ls.ts";
import { merge } from "./commands/merge.ts";
import { mv } from "./commands/mv.ts";
import { PAUSE_COMMANDS } from "./commands/pause.ts";
import { put } from "./commands/put.ts";
import { quota } from "./commands/quota.ts";
import { remove } from "./commands/remove.ts";
import { rm } from "./commands/rm.ts";
import { servers } from "./commands/servers.ts";
import { start } from "./commands/start.ts";
import { stat } from "./commands/stat.ts";
import { status } from "./commands/status.ts";
import { stop } from "./commands/stop.ts";
import { sync } from "./commands/sync.ts";
import { throttle } from "./commands/throttle.ts";
import { verify } from "./commands/verify.ts";
import { exitCodeOf, failureOf, writeFailure } from "./report.ts";
import { processContext } from "./terminal.ts";
import { softwareVersion } from "./version.ts";

export const COMMANDS: readonly Command[] = [
  start,
  stop,
  logs,
  doctor,
  put,
  adopt,
  get,
  sync,
  cat,
  ls,
  find,
  stat,
  rm,
  mv,
  locate,
  status,
  servers,
  verify,
  events,
  copies,
  quota,
  throttle,
  ...PAUSE_COMMANDS,
  drain,
  remove,
  drop,
  merge,
  ...CLOCK_COMMANDS,
  ...KEY_COMMANDS,
  demo,
];

/** Answers the exit code. */
export async function main(args: readonly string[], context: Context): Promise<number> {
  const [first] = args;
  if (first === undefined || ["help", "--help", "-h"].includes(first)) {
    const named = args.length > 1 ? findCommand(args.slice(1)) : undefined;
    context.out.write(`${named?.command.help() ?? overview()}\n`);
    return first === undefined ? 2 : 0;
  }
  if (first === "--version" || first === "-V") {
    context.out.write(`${softwareVersion()}\n`);
    return 0;
  }
  let name: string | undefined;
  try {
    const found = findCommand(args);
    if (found === undefined) return groupHelp(args, context);
    name = found.command.name;
    return await found.command.run(found.rest, context);
  } catch (error) {
    writeFailure(context.err, failureOf(error, name));
    return exitCodeOf(error);
  }
}

/** The command whose name, of one word or two, the arguments begin with. */
function findCommand(args: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const words of [2, 1]) {
    const command = COMMANDS.find((each) => each.name === args.slice(0, words).join(" "));
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

/** What to say to `fsdfs key --help`, `fsdfs key make` and `fsdfs pit`. @throws UsageError */
function groupHelp([first = "", second]: readonly string[], context: Context): number {
  const group = COMMANDS.filter((each) => each.name.startsWith(`${first} `));
  if (group.length === 0) {
    const near = nearest(
      first,
      COMMANDS.map((each) => each.name.split(" ")[0] ?? ""),
    );
    const hint = near === undefined ? "See: fsdfs --help" : `Did you mean fsdfs ${near}? All commands: fsdfs --help`;
    throw new UsageError(`There is no command '${first}'.`, hint);
  }
  if (second === "--help" || second === "-h") {
    context.out.write(`Usage: fsdfs ${first} COMMAND [options]\n\n${listOf(group)}\n`);
    return 0;
  }
  const names = group.map((each) => each.name.slice(first.length + 1)).join(", ");
  throw new UsageError(`fsdfs ${first} needs one of: ${names}.`, `See: fsdfs ${first} --help`);
}

function overview(): string {
  return [
    "Usage: fsdfs COMMAND [options]",
    "The f***ing simple distributed file system: one file system over many servers, none of them special.",
    `Commands:\n${listOf(COMMANDS)}`,
    "A server:        fsdfs start",
    "About a command: fsdfs COMMAND --help\nThe version:     fsdfs --version",
  ].join("\n\n");
}

function listOf(commands: readonly Command[]): string {
  return commands.map((each) => `  ${each.name.padEnd(12)}  ${each.summary}`).join("\n");
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), processContext());
