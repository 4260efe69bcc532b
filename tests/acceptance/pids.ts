/** What Linux tells of processes by their ids. */
import { readFileSync } from "node:fs";
import { waitFor } from "./cluster.ts";

/** The processes that a process has started and that run. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number).filter(runs);
}

export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(statusOf(pid));
  } catch {
    return false;
  }
}

/** SIGSTOP; resolves when none of its threads goes on. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  await waitFor("it is stopped", () => /^State:\s+T/m.test(statusOf(pid)));
}

export function goOn(pid: number): void {
  process.kill(pid, "SIGCONT");
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, "utf8");
}
