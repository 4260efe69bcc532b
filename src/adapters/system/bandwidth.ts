/** How fast this machine's network is, as Linux tells of its interfaces. */
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const INTERFACES = "/sys/class/net";
const BYTES_PER_S_AT_1_MBIT = 125_000;
/** A gigabit: taken when nobody knows better. Virtual machines tell no speed. */
export const BANDWIDTH_DEFAULT = 125_000_000;

/** Bytes a second of the fastest physical interface that is up. */
export async function linkBandwidth(interfaces = INTERFACES): Promise<number> {
  const names = await readdir(interfaces).catch(() => []);
  const speeds = await Promise.all(names.map((name) => speedOf(join(interfaces, name))));
  const fastest = Math.max(0, ...speeds);
  return fastest > 0 ? fastest * BYTES_PER_S_AT_1_MBIT : BANDWIDTH_DEFAULT;
}

/** Megabits a second; 0 for what is down, virtual, or does not tell. */
async function speedOf(directory: string): Promise<number> {
  try {
    await access(join(directory, "device")); // Bridges and tunnels tell speeds that no wire has.
    const [state, speed] = await Promise.all(
      ["operstate", "speed"].map((name) => readFile(join(directory, name), "utf8")),
    );
    return state?.trim() === "up" ? Math.max(0, Number(speed) || 0) : 0;
  } catch {
    return 0;
  }
}
