/** What goes out is counted, for the load that a server tells of itself (M4). */
import { afterEach, expect, it } from "vitest";
import { createMeshNetwork, type MeshNetwork } from "./network.ts";

const networks: MeshNetwork[] = [];
afterEach(async () => {
  for (const network of networks.splice(0).reverse()) await network.close();
});

function counting() {
  const counted = { bytes: 0 };
  const onSent = (bytes: number) => {
    counted.bytes += bytes;
  };
  const network = createMeshNetwork({ password: "the swarm's password", port: 0, onSent });
  networks.push(network);
  return { network, counted };
}

async function* pieces(count: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(100_000);
}

it("M4: the bytes of requests are counted by who asks, those of answers by who gives them", async () => {
  const giver = counting();
  const asker = counting();
  const port = await giver.network.listen(async ({ body }) => {
    for await (const _ of body);
    return { head: new Uint8Array(0), body: pieces(50) };
  });
  const connection = await asker.network.connect(`127.0.0.1:${port}`, "bulk");
  const request = { method: "exchange", head: new Uint8Array(0), body: pieces(20), timeoutMs: 10_000 };
  const { body } = await connection.request(request);
  for await (const _ of body);
  expect(asker.counted.bytes).toBeGreaterThan(2_000_000);
  expect(asker.counted.bytes).toBeLessThan(2_100_000);
  expect(giver.counted.bytes).toBeGreaterThan(5_000_000);
  expect(giver.counted.bytes).toBeLessThan(5_200_000);
});
