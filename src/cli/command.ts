/** What a command of the CLI is, and what is the same for all of them: options, --help, counting arguments. */
import {
  describeOptions,
  type Environment,
  flagOption,
  type Options,
  parseOptions,
  type ValuesOf,
} from "../options.ts";

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly options: Options;
  help(): string;
  /** Answers the exit code. */
  run(args: readonly string[], context: Context): Promise<number>;
}

/** The outside, as commands see it. */
export interface Context {
  readonly environment: Environment;
  readonly out: Output;
  readonly err: Output;
  /** From now on what is done goes on when nobody takes the output; otherwise that is its end. */
  outlivesOutput(): void;
  /** Calls back at each SIGINT and SIGTERM. */
  onInterrupt(listener: () => void): void;
  /** Set in a server that was started with --detach. */
  readonly background?: {
    /** Tells who started it that it serves. */
    serving(dataDirectory: string): void;
  };
}

export interface Output {
  write(text: string): void;
  /** Somebody watches it. */
  readonly terminal: boolean;
  readonly columns: number;
  /** undefined: unknown. */
  readonly rows?: number | undefined;
}

export interface Call<O extends Options> {
  /** As they were given, after the command's name. */
  readonly args: readonly string[];
  readonly values: ValuesOf<O>;
  readonly positionals: readonly string[];
  readonly context: Context;
}

export interface Definition<O extends Options> {
  readonly name: string;
  readonly summary: string;
  /** The arguments, "SRC... DEST". */
  readonly usage: string;
  /** Further paragraphs of the help. */
  readonly details?: string;
  readonly options: O;
  /** How many arguments there may be. */
  readonly positionals: readonly [least: number, most: number];
  /** Answers the exit code; 0 when it answers nothing. */
  readonly run: (call: Call<O>) => Promise<number | undefined>;
}

/** The command line makes no sense: exit code 2. */
export class UsageError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** Something on this machine, outside of the swarm, is not as it should be. */
export class LocalError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LocalError";
    this.hint = hint;
  }
}

const HELP = { help: flagOption({ flag: "help", short: "h", help: "Shows this." }) };

export function command<O extends Options>(definition: Definition<O>): Command {
  const options: O & typeof HELP = { ...definition.options, ...HELP };
  const usage = `fsdfs ${definition.name}${definition.usage === "" ? "" : ` ${definition.usage}`}`;
  const help = () =>
    [
      `Usage: ${usage} [options]`,
      definition.summary,
      ...(definition.details === undefined ? [] : [definition.details]),
      `Options:\n${describeOptions(options)}`,
    ].join("\n\n");
  return {
    name: definition.name,
    summary: definition.summary,
    options,
    help,
    run: async (args, context) => {
      if (asksForHelp(args)) {
        context.out.write(`${help()}\n`);
        return 0;
      }
      const { values, positionals } = parseOptions(options, args, context.environment);
      checkCount(positionals, definition, usage);
      checkGiven(positionals, definition.name);
      return (await definition.run({ args, values: values as ValuesOf<O>, positionals, context })) ?? 0;
    },
  };
}

/** Wins over whatever else is wrong with the line. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some((arg) => arg === "--help" || arg === "-h");
}

/** Mostly a variable of a script that is not set: as a path it would be the root, or this directory. */
function checkGiven(positionals: readonly string[], name: string): void {
  const at = positionals.indexOf("");
  if (at < 0) return;
  throw new UsageError(`Argument ${at + 1} is empty.`, `See: fsdfs ${name} --help`);
}

function checkCount(
  positionals: readonly string[],
  { positionals: [least, most], name }: { readonly positionals: readonly [number, number]; readonly name: string },
  usage: string,
): void {
  if (positionals.length >= least && positionals.length <= most) return;
  const what = positionals.length < least ? "Something is missing" : `'${positionals[most]}' is one argument too many`;
  throw new UsageError(`${what}: ${usage}`, `See: fsdfs ${name.split(" ")[0]} --help`);
}
