/**
 * Requests that a writer waits for: given up when the other server has been down for a while, so that one that dies in
 * silence holds nobody up for longer (M2).
 */
import type { Clock } from "../../ports/clock.ts";
import { NetworkError } from "../../ports/network.ts";
import { sleep } from "../timers.ts";
import type { Link } from "./link.ts";
import type { Mesh } from "./mesh.ts";

const POLL_MS = 250;
/** Long enough for the first heartbeats after a standstill of this server, when nobody seems to be up. */
const DOWN_MAX_MS = 2000;

/** @throws NetworkError `closed` when the server has been down for too long, and whatever the request throws */
export async function whileUp<T>(
  { mesh, clock }: { readonly mesh: Mesh; readonly clock: Clock },
  link: Link,
  request: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const givenUp = new AbortController();
  const { promise: isDown, reject } = Promise.withResolvers<never>();
  const watch = async () => {
    for (let downMs = 0; downMs < DOWN_MAX_MS; ) {
      await sleep(clock, POLL_MS, over.signal);
      if (over.signal.aborted) return;
      downMs = mesh.isUp(link.server) ? 0 : downMs + POLL_MS;
    }
    givenUp.abort();
    reject(new NetworkError("closed", "the server has been down for too long"));
  };
  void watch();
  try {
    return await Promise.race([request(givenUp.signal), isDown]);
  } finally {
    over.abort();
  }
}
