/** S1: whoever a client asks, an upload is taken where it can be stored. Whole servers in simulated time. */
import { describe, expect, it } from "vitest";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import type { PortCall, Strike } from "./process.ts";
import type { Swarm } from "./swarm.ts";

const TEXT = "a text of some thirty characters";

async function expectStoredElsewhere(swarm: Swarm, asked: Machine, path: string): Promise<void> {
  const { copies } = await putText(swarm, asked, path, TEXT);
  expect(copies).toBe(2);
  for (const machine of swarm.machines) expect((await readText(swarm, machine, path)).text).toBe(TEXT);
  const [location] = await asked.ask((face) => face.locate([path]), 1_000);
  expect(location?.servers.map(({ name }) => name)).not.toContain(asked.name);
}

/** Every attempt to write on its disk fails. */
function breakDisk(machine: Machine): void {
  const writing = new Set(["create", "write", "sync", "syncDirectory", "makeDirectory", "rename", "link", "remove"]);
  const strike: Strike = { kind: "error", code: "io", side: "before" };
  machine.plan = ({ port, method }: PortCall) => (port === "files" && writing.has(method) ? strike : undefined);
}

describe("an upload through a server that cannot store it", () => {
  it("S1: for want of quota goes to others", () =>
    play({ quotasBytes: [20] }, (swarm) => expectStoredElsewhere(swarm, swarm.machines[0]!, "a/file")));

  it("S1: goes to others as well when its size is not told before", () =>
    play({ quotasBytes: [20] }, async (swarm) => {
      const [asked] = swarm.machines;
      const body = async function* () {
        yield new TextEncoder().encode(TEXT);
      };
      const { copies } = await asked!.ask((face) => face.put("a/file", body()), 20_000);
      expect(copies).toBe(2);
    }));

  it("S1: because its disk is full goes to others", () =>
    play({}, async (swarm) => {
      const [asked] = swarm.machines;
      const { totalBytes, freeBytes } = await asked!.files.capacity();
      asked!.files.setCapacity(totalBytes - freeBytes + 10);
      await swarm.world.sleep(6_000);
      await expectStoredElsewhere(swarm, asked!, "a/file");
    }));

  it("S1: because its disk fails, or is read-only, goes to others, the first one too, and comes back when it is mended", () =>
    play({}, async (swarm) => {
      const [asked] = swarm.machines;
      breakDisk(asked!);
      await expectStoredElsewhere(swarm, asked!, "a/file");
      await expectStoredElsewhere(swarm, asked!, "a/second");
      asked!.plan = () => undefined;
      await swarm.world.sleep(12_000);
      await putText(swarm, asked!, "a/third", TEXT);
      const [location] = await asked!.ask((face) => face.locate(["a/third"]), 1_000);
      expect(location?.servers.map(({ name }) => name)).toContain(asked!.name);
    }));

  it("S1, P3: of which the disk fails amid the body, is told to try again, stores nothing, and the next attempt goes to others", () =>
    play({}, async (swarm) => {
      const [asked] = swarm.machines;
      const body = async function* () {
        yield new TextEncoder().encode("begun, ");
        breakDisk(asked!);
        yield new TextEncoder().encode("not ended");
      };
      const refused = asked!.ask((face) => face.put("a/file", body()), 20_000);
      await expect(refused).rejects.toMatchObject({ code: "overloaded" });
      expect(await asked!.ask((face) => face.locate(["a/file"]), 1_000)).toEqual([undefined]);
      await expectStoredElsewhere(swarm, asked!, "a/file");
    }));

  it("S3: because another took its room amid the body goes to others, whole", () =>
    play({ quotasBytes: [2.2 * TEXT.length] }, async (swarm) => {
      const [asked] = swarm.machines;
      const body = async function* () {
        yield new TextEncoder().encode(TEXT);
        await putText(swarm, asked!, "a/quicker", TEXT);
        yield new TextEncoder().encode(TEXT);
      };
      const options = { sizeBytes: 2 * TEXT.length };
      const { copies } = await asked!.ask((face) => face.put("a/file", body(), options), 20_000);
      expect(copies).toBe(2);
      // Where the one it was put through gives up the other's copy for it a moment later, that is as it should be (R1).
      for (const machine of swarm.machines) {
        expect((await readText(swarm, machine, "a/file")).text).toBe(TEXT + TEXT);
        expect((await readText(swarm, machine, "a/quicker")).text).toBe(TEXT);
      }
    }));

  it("S3: where nobody has room is refused", () =>
    play({ quotaBytes: 20 }, async (swarm) => {
      await expect(putText(swarm, swarm.machines[0]!, "a/file", TEXT)).rejects.toMatchObject({ code: "no-space" });
    }));
});

describe("the others", () => {
  it("S1: choose no target whose disk fails", () =>
    play({}, async (swarm) => {
      const [broken, asked] = swarm.machines;
      breakDisk(broken!);
      await putText(swarm, broken!, "a/first", TEXT);
      await swarm.world.sleep(1_000);
      for (let i = 0; i < 5; i++) {
        const startMs = swarm.world.nowMs;
        expect((await putText(swarm, asked!, `a/file ${i}`, TEXT)).copies).toBe(2);
        expect(swarm.world.nowMs - startMs).toBeLessThan(500);
      }
    }));
});
