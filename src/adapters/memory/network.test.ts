/** The Network port's contract on simulated wires, and what these do when links are cut and processes end. */
import { describe, expect, it } from "vitest";
import { networkContract } from "../../../tests/contracts/network.contract.ts";
import {
  ask,
  bytes,
  type NetworkWorld,
  networkFailure,
  nothing,
  text,
} from "../../../tests/contracts/network-world.ts";
import { World } from "../../../tests/simulation/world.ts";
import type { Network, RequestHandler } from "../../ports/network.ts";
import { KEEPALIVE_MS, MemoryFabric } from "./fabric.ts";
import { MemoryNetwork } from "./network.ts";

const PORT = 4243;
/** Beyond every time-out of the tests. */
const LIMIT_MS = 600_000;

networkContract("in memory", createContractWorld);

function createContractWorld(): NetworkWorld {
  const world = new World(1);
  const fabric = new MemoryFabric(() => world.nowMs, { latencyMs: 1, bytesPerMs: 1_000_000 });
  const made: Network[] = [];
  const create = (password: string, host = `10.0.0.${made.length + 1}`) => {
    const network = new MemoryNetwork({ fabric, host, port: PORT, password, scheduler: world });
    made.push(network);
    return network;
  };
  fabric.hostDown("10.0.1.1");
  return {
    member: () => create("the swarm's password"),
    stranger: () => create("another password"),
    rival: (network) => create("the swarm's password", hostOf(network)),
    address: (network, port) => `${hostOf(network)}:${port}`,
    silentAddress: async () => "10.0.2.1:4243",
    unreachableAddress: () => "10.0.1.1:4243",
    run: (body) => passTime(world, body),
    end: async () => void (await Promise.all(made.map((network) => network.close()))),
  };
}

function hostOf(network: Network): string {
  if (!(network instanceof MemoryNetwork)) throw new Error("not of this world");
  return network.host;
}

/** Lets simulated time pass until `body` has settled. */
async function passTime(world: World, body: () => Promise<void>): Promise<void> {
  let settled = false;
  const running = body().finally(() => {
    settled = true;
  });
  running.catch(() => {});
  if (!(await world.run(world.nowMs + LIMIT_MS, () => settled))) throw new Error("it waits for what never comes");
  await running;
}

describe("the memory network under faults", () => {
  const echo: RequestHandler = async ({ head }) => ({ head });

  function two(handler: RequestHandler = echo) {
    const world = new World(1);
    const fabric = new MemoryFabric(() => world.nowMs, { latencyMs: 1 });
    const create = (host: string) => new MemoryNetwork({ fabric, host, port: PORT, password: "p", scheduler: world });
    const server = create("a");
    const client = create("b");
    const connected = server.listen(handler).then(() => client.connect(`a:${PORT}`, "control"));
    return {
      world,
      fabric,
      server,
      client,
      connected,
      create,
      run: (body: () => Promise<void>) => passTime(world, body),
    };
  }

  it("a message takes the link's latency and the time its bytes need", async () => {
    const { world, fabric, connected, run } = two();
    await run(async () => {
      const connection = await connected;
      Object.assign(fabric.link("b", "a"), { latencyMs: 30, bytesPerMs: 10 });
      const startMs = world.nowMs;
      await ask(connection, "echo", { head: new Uint8Array(960) });
      expect(world.nowMs - startMs).toBe(30 + 1_000 / 10 + 1);
    });
  });

  it("over a cut link a request runs into its own time-out", async () => {
    const { world, fabric, connected, run } = two();
    await run(async () => {
      const connection = await connected;
      fabric.cut("b", "a");
      const startMs = world.nowMs;
      expect(await networkFailure(ask(connection, "echo", { timeoutMs: 700 }))).toBe("timeout");
      expect(world.nowMs - startMs).toBe(700);
    });
  });

  it("a link cut one way loses the answer, not the request", async () => {
    let handled = 0;
    const { fabric, connected, run } = two(async () => {
      handled++;
      return { head: nothing };
    });
    await run(async () => {
      const connection = await connected;
      fabric.cut("a", "b");
      expect(await networkFailure(ask(connection, "echo", { timeoutMs: 100 }))).toBe("timeout");
      expect(handled).toBe(1);
    });
  });

  it("what waited for a cut link arrives late and in order when it heals", async () => {
    const heard: string[] = [];
    const { world, fabric, connected, run } = two(async ({ head }) => {
      heard.push(text(head));
      return { head };
    });
    await run(async () => {
      const connection = await connected;
      fabric.cut("b", "a");
      const asked = [1, 2, 3].map((i) => ask(connection, "echo", { head: bytes(`${i}`) }));
      world.after(5_000, () => fabric.heal("b", "a"));
      await Promise.all(asked);
      expect(heard).toEqual(["1", "2", "3"]);
      expect(world.nowMs).toBeGreaterThan(5_000);
    });
  });

  it("a connection that was reset while its link was cut ends when the link heals", async () => {
    const { world, fabric, connected, run } = two();
    await run(async () => {
      const connection = await connected;
      fabric.cut("b", "a");
      world.after(5_000, () => fabric.heal("b", "a", "reset"));
      expect(await networkFailure(ask(connection, "echo"))).toBe("closed");
    });
  });

  it("a connection over a link that stays cut is given up after the keepalive time", async () => {
    const { world, fabric, connected, run } = two();
    await run(async () => {
      const connection = await connected;
      const startMs = world.nowMs;
      fabric.cut("a", "b");
      await connection.closed;
      expect(world.nowMs - startMs).toBe(KEEPALIVE_MS);
    });
  });

  it("a killed process resets its connections, and its address refuses until the next one listens", async () => {
    const { server, client, connected, create, run } = two(() => new Promise(() => {}));
    await run(async () => {
      const connection = await connected;
      const failure = networkFailure(ask(connection, "hang"));
      server.kill();
      expect(await failure).toBe("closed");
      expect(await networkFailure(client.connect(`a:${PORT}`, "control"))).toBe("refused");
      await create("a").listen(echo);
      expect(text((await ask(await client.connect(`a:${PORT}`, "control"), "echo", { head: bytes("x") })).head)).toBe(
        "x",
      );
    });
  });

  it("a machine without power says nothing; back again it resets what it does not know", async () => {
    const { world, fabric, server, client, connected, run } = two(() => new Promise(() => {}));
    await run(async () => {
      const connection = await connected;
      fabric.hostDown("a");
      server.kill();
      expect(await networkFailure(ask(connection, "hang", { timeoutMs: 3_000 }))).toBe("timeout");
      expect(await networkFailure(client.connect(`a:${PORT}`, "control"))).toBe("timeout");
      fabric.hostUp("a");
      const startMs = world.nowMs;
      expect(await networkFailure(ask(connection, "hang"))).toBe("closed");
      expect(world.nowMs - startMs).toBeLessThan(5);
    });
  });
});
