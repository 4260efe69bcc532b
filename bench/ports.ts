/** Ports of loopback for the servers of a bench: others may measure on the same machine. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that the kernel gives to whoever asks for any. */
const FIRST = 15_000;
const PORTS = 15_000;
const ATTEMPTS_MAX = 100;

/** The first of so many in a row that nothing listens on. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const first = FIRST + 2 * Math.floor((Math.random() * (PORTS - count)) / 2);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every((each) => each)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer().listen(port, "127.0.0.1");
  try {
    await once(listener, "listening");
  } catch {
    return false;
  }
  listener.close();
  await once(listener, "close");
  return true;
}
