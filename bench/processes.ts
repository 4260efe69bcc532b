/** CPU time of processes, from /proc: says what work costs however busy the machine is. */
import { readdir, readFile } from "node:fs/promises";

/** The kernel counts in hundredths of a second (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** Of a process and its children. */
export async function cpuSeconds(pid: number): Promise<number> {
  let seconds = await ownCpuSeconds(pid);
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "");
    for (const child of children.split(" ").filter(Boolean)) seconds += await cpuSeconds(Number(child));
  }
  return seconds;
}

/** proc_pid_stat(5): utime and stime are the 14th and 15th field; the name before them may hold anything. */
async function ownCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
