/** What the command line says of its commands together: the list of all, of a group, and what was meant. */
import { nearest } from "../options.ts";
import { type Command, type Context, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";

/** What to say to `fsdfs key --help`, `fsdfs key make` and `fsdfs pit`. @throws UsageError */
export function groupHelp([first = "", second]: readonly string[], context: Context): number {
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

export function overview(): string {
  return [
    "Usage: fsdfs COMMAND [options]",
    "The f***ing simple distributed file system: one file system over many servers, none of them special.",
    `Commands:\n${listOf(COMMANDS)}`,
    "A server:        fsdfs start",
    "About a command: fsdfs COMMAND --help\nThe version:     fsdfs --version",
  ].join("\n\n");
}

function listOf(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}
