/**
 * The command lines of what developers run: simulation, drills, figures, benches. The text at the top of each program's file
 * is its usage: `--help` prints it, and so does an option that there is not.
 */
import { readFileSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";

/** As `parseArgs`, for the program whose `import.meta.url` is given. Ends the process when it is asked for help, or wrongly. */
export function parseCommandLine<T extends ParseArgsConfig>(
  program: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.includes("--help")) {
    console.log(usage(program));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage(program)}`);
    process.exit(2);
  }
}

function usage(program: string): string {
  const [, comment = ""] = /^\/\*\*([\s\S]*?)\*\//.exec(readFileSync(new URL(program), "utf8")) ?? [];
  return comment.replaceAll(/^ \* ?/gm, "").trim();
}
