import { randomInt } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { Discovery } from "../../ports/discovery.ts";
import type { Log } from "../../ports/log.ts";
import type { LocalAddress } from "./browser.ts";
import { createMdnsDiscovery } from "./discovery.ts";
import { announced, announcement, asksFor, goodbye, type Instance, SERVICE } from "./records.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const loopback: LocalAddress[] = [{ address: "127.0.0.1", prefix: 8 }];

describe("the records", () => {
  const one: Instance = { name: "fsdfs-01", swarmPort: 4243, httpPort: 4242 };
  const other: Instance = { name: "fsdfs-02", swarmPort: 5001, httpPort: undefined };
  const packet = (answers: ReturnType<typeof announcement>) => ({ questions: [], ...answers });

  it("tell another server where to connect", () => {
    expect(announced(packet(announcement(one, "10.0.0.1")), "10.0.0.9", other)).toEqual(["10.0.0.1:4243"]);
  });

  it("are not taken for another server by the one that sent them", () => {
    expect(announced(packet(announcement(one, "10.0.0.1")), "10.0.0.1", one)).toEqual([]);
  });

  it("tell the sender's address when they name none", () => {
    const { answers, additionals } = announcement(one, "10.0.0.1");
    const bare = { answers, additionals: additionals.filter(({ type }) => type !== "A") };
    expect(announced(packet(bare), "10.0.0.9", other)).toEqual(["10.0.0.9:4243"]);
  });

  it("of a server that is going, of other services, and nonsense are no servers", () => {
    expect(announced(packet(goodbye(one)), "10.0.0.1", other)).toEqual([]);
    const nonsense = [
      { name: `x.${SERVICE}`, type: "SRV", ttl: 1 },
      { name: `x.${SERVICE}`, type: "SRV", ttl: 1, data: { port: "1" } },
      { name: `x.${SERVICE}`, type: "SRV", ttl: 1, data: { port: 0, target: "a.local" } },
      { name: "x._ssh._tcp.local", type: "SRV", ttl: 1, data: { port: 22, target: "a.local" } },
    ];
    expect(announced({ questions: [], answers: nonsense, additionals: [] }, "10.0.0.1", other)).toEqual([]);
  });

  it("are given to those who ask for the service, not to those who ask for another", () => {
    const asking = (name: string) => ({ questions: [{ name, type: "PTR" }], answers: [], additionals: [] });
    expect(asksFor(one, asking("_FSDFS._tcp.local"))).toBe(true);
    expect(asksFor(one, asking("_ssh._tcp.local"))).toBe(false);
  });
});

describe("discovery by multicast DNS", () => {
  const started: Discovery[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((discovery) => discovery.close()));
  });

  /** Starts one and answers the function that resolves when `address` was found by it. */
  async function start(port: number, swarmPort: number, addresses: () => readonly LocalAddress[] = () => loopback) {
    const discovery = createMdnsDiscovery({ log: silent, port, addresses, rereadIntervalMs: 50 });
    started.push(discovery);
    const heard = new Set<string>();
    const waiting: (() => void)[] = [];
    await discovery.start(swarmPort, (address) => {
      heard.add(address);
      for (const wake of waiting.splice(0)) wake();
    });
    const finds = async (address: string) => {
      while (!heard.has(address)) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    };
    return { heard, finds };
  }

  it("lets servers find each other, whoever came first, and never themselves", async () => {
    const port = randomInt(20_000, 30_000);
    const first = await start(port, 4243);
    const second = await start(port, 4343);
    await Promise.all([first.finds("127.0.0.1:4343"), second.finds("127.0.0.1:4243")]);
    const third = await start(port, 4443);
    await Promise.all([third.finds("127.0.0.1:4243"), third.finds("127.0.0.1:4343"), first.finds("127.0.0.1:4443")]);
    expect([...first.heard]).not.toContain("127.0.0.1:4243");
    expect([...second.heard]).not.toContain("127.0.0.1:4343");
  });

  it("does not fail without a network, and uses one that comes later", async () => {
    const port = randomInt(20_000, 30_000);
    let addresses: readonly LocalAddress[] = [];
    const late = await start(port, 4243, () => addresses);
    const other = await start(port, 4343);
    addresses = loopback;
    await Promise.all([late.finds("127.0.0.1:4343"), other.finds("127.0.0.1:4243")]);
  });

  it("does not fail on an address that this machine does not have", async () => {
    const port = randomInt(20_000, 30_000);
    const astray = () => [{ address: "203.0.113.7", prefix: 24 }, ...loopback];
    const one = await start(port, 4243, astray);
    await start(port, 4343);
    await one.finds("127.0.0.1:4343");
  });
});
