/** Under strace: what is answered with 2xx is on the disks of W servers (P3, S1, C4). And the judge of it can fail. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PutResult } from "../../src/server/face.ts";
import { type Cluster, createCluster, type RealServer, waitFor } from "./cluster.ts";
import { type Tracing, traceProcess } from "./fsync-strace.ts";
import { acknowledgements, missingName, type Put, type Trace, violations } from "./fsync-trace.ts";

const WRITE_COPIES = 2;
const LARGE_BYTES = 1_000_000;

describe("three servers under strace", () => {
  let cluster: Cluster;
  let servers: RealServer[];
  const put: (Put & PutResult)[] = [];
  let traces: Trace[];

  beforeAll(async () => {
    cluster = await createCluster();
    servers = [await cluster.start(), await cluster.start(), await cluster.start()];
    for (const server of servers) {
      await waitFor("all three are up", async () => (await server.client.status()).servers.up === 3);
    }
    const tracing = await Promise.all(servers.map((server) => trace(server)));
    await work();
    traces = await Promise.all(
      servers.map(async ({ name, data }, at) => {
        const { durable, end } = tracing[at] as Tracing;
        return { server: name, data, durable, calls: await end() };
      }),
    );
  }, 180_000);

  afterAll(() => cluster.close());

  async function trace({ name, pid }: RealServer): Promise<Tracing> {
    const directory = join(cluster.directory, `trace-${name}`);
    await mkdir(directory);
    return await traceProcess(pid, directory);
  }

  /** One after the other, many at once into new directories, over what is there, large and empty-ended. */
  async function work(): Promise<void> {
    for (let at = 0; at < 15; at++) await putOne(`one/after/other-${at}`, at);
    for (let at = 0; at < 15; at++) await putOne(`one/after/other-${at % 5}`, at);
    for (let round = 0; round < 6; round++) {
      const names = Array.from({ length: 6 }, (_, at) => `at-once-${round}/deep/er/file-${at}`);
      await Promise.all(names.map((name, at) => putOne(name, at)));
    }
    await Promise.all([0, 1, 2].map((at) => putOne(`large-${at}`, at, LARGE_BYTES)));
  }

  async function putOne(path: string, at: number, sizeBytes = 1000): Promise<void> {
    const marker = `[${path} by ${put.length} ${at}]`;
    const content = Buffer.concat([Buffer.from(marker), Buffer.alloc(sizeBytes, at)]);
    const server = servers[at % servers.length] as RealServer;
    const result = await server.client.put(path, {
      sizeBytes: content.length,
      open: async function* () {
        yield content;
      },
    });
    put.push({ marker, path, ...result });
  }

  test("every 2xx to a PUT comes after file, directories and catalog are synced on W servers (P3, S1)", () => {
    const told = new Map(traces.flatMap(({ calls }) => acknowledgements(calls)).map((ack) => [ack.version, ack]));
    expect([...told.keys()].sort()).toEqual(put.map(({ version }) => String(version)).sort());
    const wrong = put.flatMap((each) => {
      const answer = told.get(each.version);
      return answer === undefined ? [`${each.path}: no answer seen`] : violations(each, answer, traces, WRITE_COPIES);
    });
    expect(wrong).toEqual([]);
    const calls = traces.reduce((sum, trace) => sum + trace.calls.length, 0);
    const syncs = traces.flatMap((trace) => trace.calls).filter(({ name }) => /^f(data)?sync$/.test(name)).length;
    console.log(`fsync: ${put.length} PUTs checked against ${calls} system calls of 3 servers, ${syncs} of them syncs`);
  });

  test("a name that is overwritten is never missing: it leads to the old version, then to the new (S1, T1)", () => {
    expect(put.flatMap((each) => traces.flatMap((trace) => missingName(each, trace) ?? []))).toEqual([]);
  });
});
