import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BANDWIDTH_DEFAULT, linkBandwidth } from "./bandwidth.ts";
import { createLoadMeter, loadOf } from "./load-meter.ts";

/** What else runs on the machine is measured as well, and may last. */
const POLLING = { interval: 2, timeout: 100_000 };

describe("the load", () => {
  const idle = { cpuShare: 0.1, delayMs: 2, sentBytesPerS: 1000 };

  it("M4: is the greatest of CPU, event-loop delay and outgoing bytes against their bounds", () => {
    expect(loadOf(idle, 1e6)).toBe(0.1);
    expect(loadOf({ ...idle, cpuShare: 0.7 }, 1e6)).toBe(0.7);
    expect(loadOf({ ...idle, delayMs: 50 }, 1e6)).toBe(0.5);
    expect(loadOf({ ...idle, sentBytesPerS: 900_000 }, 1e6)).toBe(0.9);
  });

  it("is 0 to 1, and does not mind a measure that has no value yet", () => {
    expect(loadOf({ cpuShare: 3, delayMs: 500, sentBytesPerS: 9e9 }, 1e6)).toBe(1);
    expect(loadOf({ cpuShare: 0, delayMs: Number.NaN, sentBytesPerS: 0 }, 1e6)).toBe(0);
    expect(loadOf({ cpuShare: 0, delayMs: -20, sentBytesPerS: 0 }, 1e6)).toBe(0);
  });

  it("M4: rises with what is sent, and falls when nothing is", async () => {
    const meter = createLoadMeter(1, 5);
    try {
      const afterSending = () => {
        meter.sent(1e6);
        return meter.load();
      };
      await expect.poll(afterSending, POLLING).toBeGreaterThan(0.95);
      await expect.poll(() => meter.load(), POLLING).toBeLessThan(0.9);
    } finally {
      meter.close();
    }
  });

  it("M4: is nobody's but its own until a client is served: then the background yields to it", async () => {
    const meter = createLoadMeter(1, 5);
    try {
      const afterSending = (send: (bytes: number) => void) => () => {
        send(1e6);
        return meter.load();
      };
      await expect.poll(afterSending(meter.sent), POLLING).toBeGreaterThan(0.95);
      expect(meter.clientLoad()).toBe(0);
      meter.served(0);
      expect(meter.clientLoad()).toBeGreaterThan(0);
    } finally {
      meter.close();
    }
  });
});

describe("the bandwidth", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "fsdfs-interfaces-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function addInterface(name: string, files: { operstate?: string; speed?: string }, physical = true) {
    await mkdir(join(directory, name, physical ? "device" : "virtual"), { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(directory, name, file), `${text}\n`);
  }

  it("is that of the fastest physical interface that is up", async () => {
    await addInterface("eth0", { operstate: "up", speed: "1000" });
    await addInterface("eth1", { operstate: "up", speed: "2500" });
    await addInterface("eth2", { operstate: "down", speed: "10000" });
    await addInterface("br0", { operstate: "up", speed: "40000" }, false);
    await addInterface("wlan0", { operstate: "up" });
    expect(await linkBandwidth(directory)).toBe(2500 * 125_000);
  });

  it("is a gigabit where no interface tells", async () => {
    expect(await linkBandwidth(join(directory, "none"))).toBe(BANDWIDTH_DEFAULT);
    await addInterface("eth0", { operstate: "up", speed: "-1" });
    await addInterface("lo", { operstate: "unknown" }, false);
    expect(await linkBandwidth(directory)).toBe(BANDWIDTH_DEFAULT);
  });
});
