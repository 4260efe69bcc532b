/** A server process as the bench sees it. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { NODE_OPTIONS } from "../node.ts";
import type { Figures, Operation, ProcessOptions } from "./server-process.ts";

const PROGRAM = new URL("./server-process.ts", import.meta.url);

interface Answer {
  readonly id: number;
  readonly answer?: unknown;
  readonly failure?: string;
}

export class RemoteServer {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message) => this.#take(message as Answer));
    child.on("exit", (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`a server process ended with ${code}`));
    });
  }

  /** Resolves when the server has started. */
  static async start(options: ProcessOptions, nodeArguments: readonly string[] = []): Promise<RemoteServer> {
    await mkdir(options.data, { recursive: true });
    await mkdir(options.state, { recursive: true });
    const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: [...NODE_OPTIONS, ...nodeArguments] });
    const remote = new RemoteServer(child);
    await remote.#answerTo(0);
    return remote;
  }

  async numbers(): Promise<Record<string, number>> {
    return (await this.perform({ kind: "numbers" })) as Record<string, number>;
  }

  async figures(): Promise<Figures> {
    return (await this.perform({ kind: "figures" })) as Figures;
  }

  async perform(operation: Operation): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = this.#answerTo(id);
    this.#child.send({ id, operation });
    return await answer;
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    await this.perform({ kind: "stop" });
    await ended;
  }

  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
  }

  #answerTo(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }

  #take({ id, answer, failure }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(failure));
  }
}
