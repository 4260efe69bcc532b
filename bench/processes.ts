/** What /proc tells of processes: their children, and CPU time, which says what work costs however busy the machine is. */
import { readFileSync } from "node:fs";

/** The kernel counts in hundredths of a second (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** Of a process and its children, in user and system mode. */
export function cpuSeconds(pid: number): number {
  return childrenOf(pid).reduce((seconds, child) => seconds + cpuSeconds(child), ownCpuSeconds(pid));
}

/** Those of its main thread, from which Node.js and nginx start theirs. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

/** proc_pid_stat(5): utime and stime are the 14th and 15th field; the name before them may hold anything. */
function ownCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
