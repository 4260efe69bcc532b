/**
 * Ports of loopback that nothing listens on. They lie below those that the kernel gives to whoever asks for any, so
 * that none is taken while its server is being restarted, or while a test relies on nobody being there; test files that
 * run at the same time have ranges of their own.
 */
import { once } from "node:events";
import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";
const ATTEMPTS_MAX = 100;
const PORT_FIRST = 20_000;
const PORTS_EACH = 1_000;
const RANGES = 12;
/** Whoever was given one may not listen on it yet, or for a moment not. */
const given = new Set<number>();

/** Two, the second the one after the first, as servers have them by default. */
export async function freePortPair(): Promise<[http: number, swarm: number]> {
  const range = Number(process.env.VITEST_POOL_ID ?? 0) % RANGES;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = PORT_FIRST + range * PORTS_EACH + 2 * Math.floor((Math.random() * PORTS_EACH) / 2);
    if (given.has(port)) continue;
    given.add(port);
    const first = await listenOn(port).catch(() => undefined);
    const second = first && (await listenOn(port + 1).catch(() => undefined));
    await Promise.all([first?.close(), second?.close()]);
    if (second !== undefined) return [port, port + 1];
  }
  throw new Error("no two free ports side by side");
}

/** Something that is not fsdfs and takes a port of loopback; 0 is any. */
export async function listenOn(port: number): Promise<{ port: number; close(): Promise<void> }> {
  const listener = createServer((socket) => socket.destroy()).listen(port, LOOPBACK);
  await once(listener, "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("it does not listen on a port");
  const close = () => new Promise<void>((closed) => listener.close(() => closed()));
  return { port: address.port, close };
}
