/** Heat over real servers: reads through whichever process and server add up, and decay is nothing in a minute. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HALF_LIFE_MS } from "../../src/core/heat.ts";
import { type CliHere, cliHere } from "./cli-here.ts";
import { type Cluster, createCluster, waitFor } from "./cluster.ts";

/** Of so many reads a moment ago. */
const heatOf = (reads: number) => (reads * Math.LN2 * 3_600_000) / HALF_LIFE_MS;

let cluster: Cluster;
let cli: CliHere;

beforeAll(async () => {
  cluster = await createCluster();
  for (let i = 0; i < 2; i++) await cluster.start({ args: ["--processes", "1"] });
  await cluster.whole();
  cli = cliHere(cluster);
});

afterAll(() => cluster.close());

describe("heat", () => {
  test("is the sum of what all servers and their serving processes have sent", async () => {
    const [a, b] = cluster.servers.map(({ client }) => client);
    await a!.put("small", "of a few bytes");
    await a!.put("large", new Uint8Array(200_000));
    await waitFor("both have both", async () => {
      const found = await b!.locateMany(["small", "large"]);
      return found.every((each) => each?.copies === 2);
    });
    expect(await a!.heat(["small", "none", "large"])).toEqual([0, null, 0]);
    for (let i = 0; i < 20; i++) {
      await (await a!.get("small")).text();
      await (await b!.get("small")).text();
      await (await b!.get("large", { range: { start: 5, end: 10 } })).bytes();
      await b!.head("large");
      await b!.locate("large");
    }
    for (const client of [a!, b!]) {
      await waitFor("it knows of all reads", async () => {
        const [small, , large] = await client.heat(["small", "none", "large"]);
        return (small ?? 0) > heatOf(40) / 1.5 && (large ?? 0) > heatOf(20) / 1.5;
      });
      const [small, none, large] = await client.heat(["small", "none", "large"]);
      expect(small).toBeLessThanOrEqual(heatOf(40));
      expect(large).toBeLessThanOrEqual(heatOf(20));
      expect(none).toBeNull();
    }
    expect(await cli.done(["stat", "/large"])).toMatch(/^ {2}heat {6}\d\.\d reads an hour$/m);
  });

  test("goes along with a file that is moved, and begins anew with a new content", async () => {
    const [a] = cluster.servers.map(({ client }) => client);
    await a!.move("small", "moved");
    expect((await a!.heat(["moved"]))[0]).toBeGreaterThan(heatOf(10));
    await a!.put("moved", "another content");
    expect(await a!.heat(["moved"])).toEqual([0]);
  });
});
