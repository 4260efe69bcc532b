/** What simulated machines do to a small program that stands for the server. */
import { beforeEach, describe, expect, it } from "vitest";
import { MemoryFabric } from "../../src/adapters/memory/fabric.ts";
import { MemoryNetwork } from "../../src/adapters/memory/network.ts";
import { NetworkError } from "../../src/ports/network.ts";
import type { Face } from "../../src/server/face.ts";
import type { Ports, Server } from "../../src/server/server.ts";
import { Armory } from "./armory.ts";
import { type Compose, Machine, NoAnswer, SWARM_PORT } from "./machine.ts";
import type { Strike } from "./process.ts";
import { SeededRandom } from "./random.ts";
import { World } from "./world.ts";

/** Writes a file and syncs it, then its directory, for `makeDirectory`; answers pings. */
function program({ files, catalog, network, clock }: Ports): Server & { ticks: () => number } {
  let ticks = 0;
  const tick = () => {
    ticks++;
    clock.after(100, tick);
  };
  const store = async (name: string) => {
    const file = await files.create(name);
    await file.write(new TextEncoder().encode(name));
    await file.sync();
    await file.close();
    await files.syncDirectory("");
    await catalog.write((view) => view.put(new TextEncoder().encode(name), new Uint8Array(1)));
    await catalog.flushed();
  };
  return {
    face: { makeDirectory: store } as unknown as Face,
    ticks: () => ticks,
    start: async () => {
      await network.listen(async ({ head }) => ({ head }));
      tick();
    },
    leaseTo: () => undefined,
    countReads: () => undefined,
    watch: async function* () {},
    stop: async () => {
      await network.close();
      await catalog.close();
    },
  };
}

const withFile = (moment: string) => `${moment}: a full file, not in the catalog`;
const CALLS_OF_STORE = ["create", "write", "sync", "close", "syncDirectory", "write", "flushed"];

describe("a simulated machine", () => {
  let world: World;
  let fabric: MemoryFabric;
  let machine: Machine;
  let armory: Armory;
  let servers: ReturnType<typeof program>[];

  const machineNamed = (host: string) => {
    const compose: Compose = (ports) => {
      const server = program(ports);
      servers.push(server);
      return server;
    };
    return new Machine({
      world,
      fabric,
      name: host,
      host,
      password: "p",
      compose,
      first: true,
      serverOptions: {} as never,
    });
  };

  beforeEach(async () => {
    world = new World(1);
    fabric = new MemoryFabric(() => world.nowMs, { latencyMs: 1 });
    servers = [];
    machine = machineNamed("10.0.0.1");
    armory = new Armory([machine], SeededRandom.of(1, "armory"));
    machine.start();
    await world.run(1_000, () => machine.serving);
  });

  async function store(name: string, forMs = 10_000): Promise<string> {
    const outcome = machine
      .ask((face) => face.makeDirectory(name), forMs)
      .then(
        () => "done",
        (error: unknown) => (error instanceof NoAnswer ? error.reason : `failed: ${String(error)}`),
      );
    let told: string | undefined;
    void outcome.then((text) => {
      told = text;
    });
    await world.run(world.nowMs + forMs + 1, () => told !== undefined);
    return told ?? "nothing";
  }

  const onDisk = (name: string) => machine.files.tree().find((entry) => entry.name === name);
  const inCatalog = (name: string) => machine.catalog.read().get(new TextEncoder().encode(name)) !== undefined;

  it("numbers every call of a port, and a crash at any of them ends the process there", async () => {
    const reached: string[] = [];
    for (const [k, method] of CALLS_OF_STORE.entries()) {
      for (const side of ["before", "after"] as const) {
        const name = `${k}${side}`;
        armory.strikeAfter(machine, k, { kind: "crash", side });
        expect(await store(name)).toBe("reset");
        expect(machine.running).toBe(false);
        const file =
          onDisk(name) === undefined ? "no file" : `${onDisk(name)!.stat.sizeBytes > 0 ? "a full" : "an empty"} file`;
        reached.push(`${side} ${method}: ${file}, ${inCatalog(name) ? "in" : "not in"} the catalog`);
        machine.start();
        await world.run(world.nowMs + 1_000, () => machine.serving);
      }
    }
    expect(reached).toEqual([
      "before create: no file, not in the catalog",
      "after create: an empty file, not in the catalog",
      "before write: an empty file, not in the catalog",
      ...["after write", "before sync", "after sync", "before close", "after close"].map(withFile),
      ...["before syncDirectory", "after syncDirectory", "before write"].map(withFile),
      "after write: a full file, in the catalog",
      "before flushed: a full file, in the catalog",
      "after flushed: a full file, in the catalog",
    ]);
  });

  it("loses in a power cut what was not synced, and never what was", async () => {
    expect(await store("kept")).toBe("done");
    let lost = 0;
    for (let round = 0; round < 20; round++) {
      armory.strikeAfter(machine, 2, { kind: "power-cut", side: "before" });
      expect(await store(`unsynced ${round}`, 3_000)).toBe("reset");
      if (onDisk(`unsynced ${round}`) === undefined) lost++;
      machine.start();
      await world.run(world.nowMs + 1_000, () => machine.serving);
    }
    expect(onDisk("kept")?.stat.sizeBytes).toBe(4);
    expect(inCatalog("kept")).toBe(true);
    expect(lost).toBeGreaterThan(0);
  });

  it("a stopped process runs nothing, its clock goes on, and it ends its work when it is resumed", async () => {
    const strike: Strike = { kind: "stop", side: "before", forMs: 5_000 };
    armory.strikeAfter(machine, 3, strike);
    const startMs = world.nowMs;
    const stopped = store("slow", 20_000);
    await stopped;
    expect(world.nowMs - startMs).toBeGreaterThan(5_000);
    expect(await stopped).toBe("done");
    const before = servers[0]!.ticks();
    machine.stop(2_000);
    await world.run(world.nowMs + 1_999);
    expect(servers[0]!.ticks()).toBe(before);
    await world.run(world.nowMs + 500);
    expect(servers[0]!.ticks()).toBeGreaterThan(before);
  });

  it("an injected error is thrown in the port's own words, and the process goes on", async () => {
    armory.strikeAfter(machine, 2, { kind: "error", code: "io", side: "before" });
    expect(await store("x")).toMatch(/^failed: FileStoreError/);
    expect(await store("y")).toBe("done");
  });

  it("a dead process's timers do not fire, and the next one starts on the same disk", async () => {
    await store("kept");
    machine.crash();
    const before = servers[0]!.ticks();
    await world.run(world.nowMs + 1_000);
    expect(servers[0]!.ticks()).toBe(before);
    machine.start();
    await world.run(world.nowMs + 1_000, () => machine.serving);
    expect(servers.length).toBe(2);
    expect(onDisk("kept")).toBeDefined();
  });

  it("a server that is asked to stop ends, and one that does not is reported", async () => {
    let ended = false;
    void machine.shutdown().then(() => {
      ended = true;
    });
    await world.run(world.nowMs + 10_000, () => ended);
    expect(machine.running).toBe(false);
    expect(world.failures).toEqual([]);

    machine.start();
    await world.run(world.nowMs + 1_000, () => machine.serving);
    servers[1]!.stop = () => new Promise(() => {});
    void machine.shutdown();
    await world.run(world.nowMs + 10_000);
    expect(world.failures.map(({ rule }) => rule)).toEqual(["stop"]);
  });

  it("its address refuses while no process is there, and is silent without power", async () => {
    const other = machineNamed("10.0.0.2");
    other.start();
    await world.run(world.nowMs + 1_000, () => other.serving);
    const outcomes: string[] = [];
    const knock = async () => {
      const client = new MemoryNetwork({ fabric, host: "10.0.0.9", port: SWARM_PORT, password: "p", scheduler: world });
      client.connect(other.address, "control").then(
        () => outcomes.push("connected"),
        (error: unknown) => outcomes.push(error instanceof NetworkError ? error.code : String(error)),
      );
      await world.run(world.nowMs + 20_000);
    };
    await knock();
    other.crash();
    await knock();
    other.powerCut();
    await knock();
    expect(outcomes).toEqual(["connected", "refused", "timeout"]);
  });
});
