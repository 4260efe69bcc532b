/**
 * One process that runs a policy, seen from outside: started with nothing, asked a line at a time, ended when it takes too
 * long.
 *
 * A process, not a worker thread: what it may not do is kept by Node's permission model, which is for whole processes; its
 * memory, all of it, is not this server's, and when it runs out only it ends; a loop for ever ends with SIGKILL, whatever it is
 * in. It costs 0.2 s and some 60 MB while there is something to evaluate.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { extname, join } from "node:path";

/** Of the heap, in MB: a policy needs a few. */
const MEMORY_MB_MAX = 64;
/** For a policy to be loaded, and for a call. A busy machine may take a second for what takes milliseconds. */
const TIME_MS_MAX = 5000;
/** Characters of an answer; far more than there can be. */
const ANSWER_MAX = 4 * 1024 * 1024;

const EXTENSION = extname(import.meta.filename);
const ENTRY = join(import.meta.dirname, `process${EXTENSION}`);
const POLICY = join(import.meta.dirname, "../../core/policy");
/** All that it may read. */
const READABLE = [ENTRY, ...["inside", "policy", "source"].map((name) => join(POLICY, `${name}${EXTENSION}`))];

const FLAGS = [
  "--permission",
  ...READABLE.map((file) => `--allow-fs-read=${file}`),
  "--disallow-code-generation-from-strings",
  // What is out of stack in the middle of the program's own code throws the program's own error into the policy.
  "--frozen-intrinsics",
  `--max-old-space-size=${MEMORY_MB_MAX}`,
  "--experimental-vm-modules",
  "--no-warnings",
];

/** The process ended, or was ended, before it answered. */
export class SandboxEnded extends Error {
  readonly why: "time" | "memory" | "ended";

  constructor(why: SandboxEnded["why"]) {
    super(WORDS[why]);
    this.name = "SandboxEnded";
    this.why = why;
  }
}

const WORDS = {
  time: `it took longer than ${TIME_MS_MAX / 1000} s`,
  memory: `it took more memory than ${MEMORY_MB_MAX} MB`,
  ended: "its process ended",
} as const;

export class Sandbox {
  readonly #process: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  #asked: { resolve(line: string): void; reject(error: Error): void; timer: NodeJS.Timeout } | undefined;
  #received = "";
  #why: SandboxEnded["why"] | undefined;

  constructor() {
    this.#process = spawn(process.execPath, [...FLAGS, ENTRY], {
      env: {},
      stdio: ["pipe", "pipe", "ignore"],
      cwd: "/",
    });
    // Without a descriptor to spare it has neither of the two, and "error" follows.
    this.#process.on("error", (error) => this.#end(error));
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => this.#hear(text));
    this.#process.stdin?.on("error", () => undefined); // Its end is told by "close".
    // V8 ends a process that is out of memory by SIGABRT, or a trap.
    this.#process.on("close", (code, signal) => {
      this.#why ??= signal === "SIGABRT" || signal === "SIGTRAP" || code === 134 || code === 133 ? "memory" : "ended";
      this.#end(new SandboxEnded(this.#why));
    });
  }

  /** One at a time. @throws SandboxEnded; Error when it could not be started */
  ask(line: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    if (this.#why !== undefined) return Promise.reject(new SandboxEnded(this.#why));
    const timer = setTimeout(() => this.#kill("time"), TIME_MS_MAX);
    this.#asked = { resolve, reject, timer };
    this.#process.stdin?.write(`${line}\n`);
    return promise;
  }

  /** Resolves when the process is gone. Idempotent. */
  async close(): Promise<void> {
    this.#kill("ended");
    await this.#ended.promise;
  }

  #kill(why: SandboxEnded["why"]): void {
    this.#why ??= why;
    this.#process.kill("SIGKILL");
  }

  #hear(text: string): void {
    this.#received += text;
    if (this.#received.length > ANSWER_MAX) this.#kill("memory");
    if (!text.endsWith("\n")) return;
    const line = this.#received;
    this.#received = "";
    const asked = this.#asked;
    this.#asked = undefined;
    clearTimeout(asked?.timer);
    asked?.resolve(line);
  }

  #end(error: Error): void {
    const asked = this.#asked;
    this.#asked = undefined;
    clearTimeout(asked?.timer);
    asked?.reject(error);
    this.#ended.resolve();
  }
}
