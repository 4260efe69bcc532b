/**
 * Tells a process from a later one that got its number: by when it started, in which boot of the machine. So that no
 * stranger is taken for a server, or is told to stop.
 *
 * The kernel's word is /proc. Where there is none, the number alone has to do.
 */
import { readFileSync } from "node:fs";

/** Names the process for ever; undefined where the system does not tell. */
export function processMark(pid: number): string | undefined {
  const found = startOf(pid);
  return found?.gone === false ? found.mark : undefined;
}

/** Whether the process runs that had this mark. @param mark undefined: whichever has the number */
export function isRunning(pid: number, mark: string | undefined): boolean {
  if (!exists(pid)) return false;
  const found = startOf(pid);
  if (found === undefined) return true;
  return !found.gone && (mark === undefined || mark === found.mark);
}

/** After the process's name, which may hold anything: its state, then 18 fields, then when it started (proc(5)). */
const STATE_AT = 0;
const STARTED_AT = 19;

function startOf(pid: number): { readonly mark: string; readonly gone: boolean } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // A zombie has ended, and only waits for its parent to take note.
    return { mark: `${boot}:${fields[STARTED_AT]}`, gone: /[ZX]/.test(fields[STATE_AT] ?? "") };
  } catch {
    return undefined;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
