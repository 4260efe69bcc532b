/** Watching the system calls of a running process with strace, all of its threads. Linux only, as strace is. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { type Call, parseTrace } from "./fsync-trace.ts";

const CALLS = [
  ...["openat", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat"],
  ...["fsync", "fdatasync", "msync", "write", "writev", "pwrite64", "pwritev", "pwritev2", "sendto", "sendmsg"],
];
/** Of each written buffer so much is kept: the pages of a catalog's transaction come in one. */
const TEXT_BYTES_MAX = 256 * 1024;
/** Of open(2), in the octal digits of /proc/PID/fdinfo. */
const O_DSYNC = 0o10000;

export interface Tracing {
  /** Descriptors whose writes are durable when they return (O_DSYNC). */
  readonly durable: ReadonlySet<number>;
  /** Lets go of the process, and answers what it did meanwhile. */
  end(): Promise<Call[]>;
}

/** @param directory an empty one that exists, for what strace writes */
export async function traceProcess(pid: number, directory: string): Promise<Tracing> {
  const output = join(directory, "thread");
  const options = ["-f", "-ff", "-yy", "-ttt", "-T", "-s", String(TEXT_BYTES_MAX), "-e", "signal=none"];
  const args = [...options, "-e", `trace=${CALLS.join(",")}`, "-o", output, "-p", String(pid)];
  const strace = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(strace, "close");
  ended.catch(() => undefined);
  await Promise.race([attached(strace.stderr), missing(strace)]);
  const { paths, durable } = await openDescriptors(pid);
  return {
    durable,
    end: async () => {
      strace.kill("SIGINT");
      await ended;
      const names = await readdir(directory);
      return parseTrace(await Promise.all(names.map((name) => readFile(join(directory, name), "utf8"))), paths);
    },
  };
}

async function missing(strace: ChildProcess): Promise<never> {
  const [error] = (await once(strace, "error")) as [Error];
  throw new Error("strace cannot be run. Install it: apt-get install strace", { cause: error });
}

async function attached(messages: AsyncIterable<Buffer>): Promise<void> {
  let told = "";
  for await (const chunk of messages) {
    told += chunk.toString();
    if (/Process \d+ attached/.test(told)) return;
  }
  throw new Error(`strace did not attach: ${told}`);
}

async function openDescriptors(pid: number): Promise<{ paths: Map<number, string>; durable: Set<number> }> {
  const paths = new Map<number, string>();
  const durable = new Set<number>();
  for (const name of await readdir(`/proc/${pid}/fd`)) {
    const descriptor = Number(name);
    const path = await readlink(`/proc/${pid}/fd/${name}`).catch(() => undefined);
    const info = await readFile(`/proc/${pid}/fdinfo/${name}`, "utf8").catch(() => undefined);
    if (path === undefined || info === undefined) continue; // It has been closed since the directory was read.
    paths.set(descriptor, path);
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8);
    if ((flags & O_DSYNC) !== 0) durable.add(descriptor);
  }
  return { paths, durable };
}
