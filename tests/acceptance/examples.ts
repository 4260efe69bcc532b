/**
 * The examples of a document, run as a reader would type them: one after another in one shell, in a directory with a
 * checkout's `./fsdfs`, on a machine of its own (a network namespace, so that the default ports are free).
 */
import type { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Namespace } from "./namespaces.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Lines of a document's shell blocks: commands without comments, prompts and output. */
export function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/```(sh|console)\n([\s\S]*?)```/g)].flatMap(([, kind, block = ""]) => {
    const lines = block.replaceAll("\\\n", " ").split("\n");
    const typed = kind === "sh" ? lines : lines.flatMap((line) => (line.startsWith("$ ") ? [line.slice(2)] : []));
    return typed.map((line) => line.replace(/(^|\s{2,})#.*$/, "").trim()).filter((line) => line !== "");
  });
}

export interface Reading {
  /** What a reader has done or has at hand before the first example. */
  readonly before?: readonly string[];
  /** What a reader fills in or has differently: text by text, in each command. */
  readonly fillIn?: Readonly<Record<string, string>>;
  /** What a reader types in the place of a command that is meant for another machine or another moment. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Commands that are not run, and why. */
  readonly notRun?: Readonly<Record<string, string>>;
}

/** What a reader types. @throws when `instead` or `notRun` name what is no example (any more) */
export function typedCommands(markdown: string, reading: Reading): string[] {
  const { before = [], fillIn = {}, instead = {}, notRun = {} } = reading;
  const all = commandsOf(markdown);
  const stale = Object.keys({ ...instead, ...notRun }).filter((line) => !all.includes(line));
  if (stale.length > 0) throw new Error(`these are not among the examples: ${stale.join("; ")}`);
  const filledIn = (line: string) =>
    Object.entries(fillIn).reduce((text, [from, to]) => text.replaceAll(from, to), instead[line] ?? line);
  return [...before, ...all.filter((line) => !(line in notRun)).map(filledIn)];
}

/** Runs them. @throws with what was printed when one fails */
export async function follow(commands: readonly string[], on: Namespace): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "fsdfs-reader-"));
  try {
    await furnish(home);
    await writeFile(join(home, "typed.sh"), script(commands));
    // One process a server: what is shown is the commands, and dozens of servers are started.
    const environment = [
      "FSDFS_PROCESSES=0",
      `HOME=${home}`,
      `PATH=${join(home, "bin")}:${process.env.PATH}`,
      `XDG_STATE_HOME=${join(home, "state")}`,
    ];
    const shell = on.start(["env", "-i", ...environment, "bash", "-c", `cd ${home}; exec bash ./typed.sh`]);
    return await ended(shell);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** What a reader has in the directory. */
async function furnish(home: string): Promise<void> {
  await mkdir(join(home, "bin"));
  for (const place of ["fsdfs", "bin/fsdfs"]) await symlink(join(ROOT, "fsdfs"), join(home, place));
  for (const name of ["README.md", "docs"]) await cp(join(ROOT, name), join(home, name), { recursive: true });
  const song = Buffer.concat([Buffer.from("OggS"), Buffer.alloc(100_000, "a song ")]);
  for (const directory of ["photos", "Music/albums"]) await mkdir(join(home, directory), { recursive: true });
  for (const file of ["song.ogg", "list.m3u", "Music/song.ogg", "Music/albums/first.ogg", "photos/1.jpg"]) {
    await writeFile(join(home, file), song);
  }
}

/**
 * A server in the foreground is given a terminal of its own: it goes to the background, and the reader waits until it
 * has said how to go on. What runs at the end is ended.
 */
function script(commands: readonly string[]): string {
  const lines = commands.map((command) => {
    const inForeground = /^(\.\/)?fsdfs (start|logs .*--follow)/.test(command) && !command.includes("--detach");
    const typed = inForeground ? `background ${command}` : command;
    return `echo ${quote(`$ ${command}`)}\n${typed} || failed ${quote(command)}`;
  });
  return `shopt -s expand_aliases
set -o pipefail
failed() { echo "FAILED: $1"; exit 1; }
background() {
  local out; out=$(mktemp)
  "$@" >"$out" 2>&1 &
  local pid=$!
  for i in $(seq 300); do
    if [ -s "$out" ] && grep -q -e 'Next server' -e '"message"' -e ' info ' "$out"; then return 0; fi
    kill -0 $pid 2>/dev/null || { cat "$out"; return 1; }
    sleep 0.1
  done
  cat "$out"; return 1
}
finish() { kill $(jobs -p) 2>/dev/null; wait; }
trap finish EXIT
${lines.join("\n")}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function ended(shell: ReturnType<typeof spawn>): Promise<string> {
  return new Promise((done, reject) => {
    let output = "";
    for (const stream of [shell.stdout, shell.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    shell.once("close", (code) => {
      if (code === 0) done(output);
      else reject(new Error(`the shell ended with ${code}:\n${output.slice(-4000)}`));
    });
  });
}

export async function documentText(path: string): Promise<string> {
  return await readFile(join(ROOT, path), "utf8");
}
