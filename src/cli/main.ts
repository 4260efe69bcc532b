/** `fsdfs COMMAND ...`: finds the command, runs it, and tells what went wrong. */
import { existsSync } from "node:fs";
import { extname } from "node:path";
import { softwareVersion } from "../starting/version.ts";
import type { Command, Context } from "./command.ts";
import { exitCodeOf, failureOf, writeFailure } from "./report.ts";
import { processContext } from "./terminal.ts";

interface Found {
  readonly command: Command;
  /** The arguments behind its name. */
  readonly rest: readonly string[];
}

/** Answers the exit code. */
export async function main(args: readonly string[], context: Context): Promise<number> {
  const [first] = args;
  if (first === undefined || ["help", "--help", "-h"].includes(first)) {
    const named = args.length > 1 ? await findCommand(args.slice(1)) : undefined;
    context.out.write(`${named?.command.help() ?? (await import("./help.ts")).overview()}\n`);
    return first === undefined ? 2 : 0;
  }
  if (first === "--version" || first === "-V") {
    context.out.write(`${softwareVersion()}\n`);
    return 0;
  }
  let name: string | undefined;
  try {
    const found = await findCommand(args);
    if (found === undefined) return (await import("./help.ts")).groupHelp(args, context);
    name = found.command.name;
    return await found.command.run(found.rest, context);
  } catch (error) {
    writeFailure(context.err, failureOf(error, name));
    return exitCodeOf(error);
  }
}

/** Most commands stand in the file of their name: loading the others as well would take longer than most of them run. */
async function findCommand(args: readonly string[]): Promise<Found | undefined> {
  return among(await commandsOfFile(args[0]), args) ?? among((await import("./commands.ts")).COMMANDS, args);
}

/** The command whose name, of one word or two, the arguments begin with. */
function among(commands: readonly Command[], args: readonly string[]): Found | undefined {
  for (const words of [2, 1]) {
    const command = commands.find((each) => each.name === args.slice(0, words).join(" "));
    if (command !== undefined) return { command, rest: args.slice(words) };
  }
  return undefined;
}

async function commandsOfFile(word = ""): Promise<Command[]> {
  if (!/^[a-z]+$/.test(word)) return [];
  const file = new URL(`commands/${word}${extname(import.meta.url)}`, import.meta.url);
  if (!existsSync(file)) return [];
  const exported = (await import(file.href)) as Readonly<Record<string, unknown>>;
  return Object.values(exported).flat().filter(isCommand);
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "name" in value && "run" in value;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), processContext());
