/** 100,000 variables in one request to a swarm of three, each of another file as far as there are so many. */
import { pathOfFile } from "./catalog/build.ts";
import { tell } from "./series.ts";
import type { BenchServer, BenchSwarm } from "./swarm.ts";

const VARIABLES = 100_000;
const SECONDS_MAX = 10;

export async function measureVariables(swarm: BenchSwarm, files: number, runs: number): Promise<void> {
  const [, server] = swarm.servers as [BenchServer, BenchServer];
  const seconds: number[] = [];
  for (let run = 0; run < runs; run++) {
    const changes = Array.from({ length: VARIABLES }, (_, i) => {
      return { path: pathOfFile(i % files, files), name: `plays${Math.floor(i / files)}`, value: run + i };
    });
    const start = performance.now();
    const { changed, errors } = await server.client.setManyVariables(changes);
    seconds.push((performance.now() - start) / 1000);
    if (changed !== VARIABLES) throw new Error(`${changed} variables were set: ${errors[0]?.message}`);
  }
  const last = pathOfFile((VARIABLES - 1) % files, files);
  for (const { client, name } of swarm.servers) {
    const { variables } = await client.locate(last);
    if (variables === undefined) throw new Error(`${name} knows none of ${last}`);
  }
  const name = "100,000 variables in one request, known to three servers";
  tell({ name, values: seconds, unit: "s", target: SECONDS_MAX, atMost: true });
}
