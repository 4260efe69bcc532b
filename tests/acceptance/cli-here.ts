/** Commands run in this process against real servers: as they are typed, without the price of a process each. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import type { Context } from "../../src/cli/command.ts";
import { main } from "../../src/cli/main.ts";
import type { Cluster, CommandResult, RealServer } from "./cluster.ts";

export interface CliHere {
  run(args: readonly string[], at?: RealServer): Promise<CommandResult>;
  /** Its standard output; fails when the exit code is not 0. */
  done(args: readonly string[], at?: RealServer): Promise<string>;
  /** The same with --json. */
  json<T>(args: readonly string[], at?: RealServer): Promise<T>;
}

export function cliHere(cluster: Cluster): CliHere {
  const here: CliHere = {
    run: async (args, at = cluster.servers[0]) => {
      const [out, err] = [screen(), screen()];
      const context: Context = {
        environment: cluster.environment,
        out: out.output,
        err: err.output,
        outlivesOutput: () => undefined,
        onInterrupt: () => undefined,
      };
      const code = await main([...args, "--data", at?.data ?? ""], context);
      return { code, stdout: out.text(), stderr: err.text() };
    },
    done: async (args, at) => {
      const result = await here.run(args, at);
      expect(result, args.join(" ")).toMatchObject({ code: 0 });
      return result.stdout;
    },
    json: async <T>(args: readonly string[], at?: RealServer) =>
      JSON.parse(await here.done([...args, "--json"], at)) as T,
  };
  return here;
}

function screen() {
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  return { output: { write, terminal: false, columns: 80 }, text: () => text };
}

/** Paths below `directory` and what is in the files. */
export type Tree = Readonly<Record<string, string>>;

export async function writeTree(directory: string, tree: Tree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

export async function readTree(directory: string): Promise<Tree> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (file) => [file.slice(directory.length + 1), await readFile(file, "utf8")] as const);
  return Object.fromEntries(await Promise.all(read));
}
