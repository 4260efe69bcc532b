/** Many paths looked up with few requests, while those before are worked on. */
import type { Client } from "../client/client.ts";
import type { Location } from "../server/face.ts";

/** In one request: what it asks stays well below what a server takes (1,000 paths, 1 MB). */
const PATHS_MAX = 500;
const BYTES_MAX = 500_000;

export interface Located<T> {
  readonly item: T;
  /** null where there is no file, or none was asked for. */
  readonly location: Location | null;
}

/** @param pathOf undefined for what is not to be looked up */
export async function* located<T>(
  client: Client,
  items: AsyncIterable<T>,
  pathOf: (item: T) => string | undefined,
): AsyncGenerator<Located<T>> {
  const iterator = items[Symbol.asyncIterator]();
  const batch = async () => locate(client, await take(iterator, pathOf), pathOf);
  try {
    for (let ahead = batch(); ; ) {
      const here = await ahead;
      if (here.length === 0) return;
      ahead = batch();
      // Its failure is told when its turn comes.
      ahead.catch(() => undefined);
      yield* here;
    }
  } finally {
    await iterator.return?.();
  }
}

async function take<T>(iterator: AsyncIterator<T>, pathOf: (item: T) => string | undefined): Promise<T[]> {
  const taken: T[] = [];
  for (let sizeBytes = 0; taken.length < PATHS_MAX && sizeBytes < BYTES_MAX; ) {
    const next = await iterator.next();
    if (next.done) break;
    taken.push(next.value);
    sizeBytes += JSON.stringify(pathOf(next.value) ?? "").length * 3;
  }
  return taken;
}

async function locate<T>(
  client: Client,
  items: readonly T[],
  pathOf: (item: T) => string | undefined,
): Promise<Located<T>[]> {
  const paths = items.map(pathOf);
  const asked = paths.filter((path) => path !== undefined);
  const locations = asked.length === 0 ? [] : await client.locateMany(asked);
  let at = 0;
  return items.map((item, index) => ({
    item,
    location: paths[index] === undefined ? null : (locations[at++] ?? null),
  }));
}
