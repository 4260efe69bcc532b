/** Child processes that each run one piece of work at a time: a simulated run fills a core. */
import { fork } from "node:child_process";
import { SIMULATING } from "./node-options.ts";

/** Pieces handed to a child at a time: enough that it seldom waits, few enough that all end together. */
const BATCH = 10;

/** Runs `program` with `--worker` in so many processes until all pieces are done. Results arrive in any order. */
export async function runInPool<Piece, Result>(options: {
  readonly program: string;
  /** Further arguments. */
  readonly args?: readonly string[];
  readonly workers: number;
  readonly pieces: readonly Piece[];
  readonly arrived: (result: Result) => void;
}): Promise<void> {
  let next = 0;
  const batch = (): readonly Piece[] => {
    const pieces = options.pieces.slice(next, next + BATCH);
    next += pieces.length;
    return pieces;
  };
  const one = () =>
    new Promise<void>((resolve) => {
      const child = fork(options.program, ["--worker", ...(options.args ?? [])], {
        execArgv: [...process.execArgv, ...SIMULATING.flags],
        env: { ...process.env, ...SIMULATING.env },
      });
      const feed = () => {
        const pieces = batch();
        if (pieces.length === 0) child.disconnect();
        else child.send(pieces as Piece[]);
      };
      child.on("message", (message: { result: Result } | "more") => {
        if (message === "more") feed();
        else options.arrived(message.result);
      });
      child.once("exit", () => resolve());
      feed();
    });
  await Promise.all(Array.from({ length: Math.min(options.workers, options.pieces.length) }, one));
}

/** The child's side. */
export function workInPool<Piece, Result>(run: (piece: Piece) => Promise<Result>): void {
  process.on("message", (pieces: Piece[]) => {
    void (async () => {
      for (const piece of pieces) process.send?.({ result: await run(piece) });
      process.send?.("more");
    })();
  });
}
