/** The network and the catalog store with counters: what a server received and sent, and how many rows it touched. */
import type { KeyRange, ReadView, WriteView } from "../../src/core/catalog/kv.ts";
import type { CatalogStore, Settled } from "../../src/ports/catalog-store.ts";
import type { Connection, Network, OutgoingRequest, RequestHandler } from "../../src/ports/network.ts";

export interface Counters {
  /** Bytes of message heads by method, requests and responses together; file content is not in them. */
  received: Record<string, number>;
  sent: Record<string, number>;
  rowsRead: number;
  rowsWritten: number;
  changes: number;
  /** The longest that one change kept the event loop. */
  changeMsMax: number;
}

export function newCounters(): Counters {
  return { received: {}, sent: {}, rowsRead: 0, rowsWritten: 0, changes: 0, changeMsMax: 0 };
}

export function countingNetwork(network: Network, counters: () => Counters): Network {
  const received = (method: string, bytes: number) => add(counters().received, method, bytes);
  const sent = (method: string, bytes: number) => add(counters().sent, method, bytes);
  const counted = (connection: Connection): Connection => ({
    closed: connection.closed,
    close: () => connection.close(),
    async request(request: OutgoingRequest) {
      sent(request.method, request.head.length);
      const response = await connection.request(request);
      received(request.method, response.head.length);
      return response;
    },
  });
  return {
    listen: (handler: RequestHandler) =>
      network.listen(async (request) => {
        received(request.method, request.head.length);
        const response = await handler(request);
        sent(request.method, response.head.length);
        return response;
      }),
    connect: async (address, purpose) => counted(await network.connect(address, purpose)),
    close: () => network.close(),
  };
}

export function countingStore(store: CatalogStore, counters: () => Counters): CatalogStore {
  const reading = (view: ReadView): ReadView => ({
    get(key) {
      counters().rowsRead += 1;
      return view.get(key);
    },
    *range(range: KeyRange) {
      for (const row of view.range(range)) {
        counters().rowsRead += 1;
        yield row;
      }
    },
  });
  const writing = (view: WriteView): WriteView => ({
    ...reading(view),
    put(key, value) {
      counters().rowsWritten += 1;
      view.put(key, value);
    },
    remove(key) {
      counters().rowsWritten += 1;
      view.remove(key);
    },
  });
  return {
    read: () => reading(store.read()),
    write<T>(change: (view: WriteView) => Settled<T>) {
      return store.write<T>((view) => {
        const start = performance.now();
        const answer = change(writing(view));
        const counted = counters();
        counted.changes += 1;
        counted.changeMsMax = Math.max(counted.changeMsMax, performance.now() - start);
        return answer;
      });
    },
    flushed: () => store.flushed(),
    sizeBytes: () => store.sizeBytes(),
    close: () => store.close(),
  };
}

function add(counts: Record<string, number>, name: string, amount: number): void {
  counts[name] = (counts[name] ?? 0) + amount;
}
