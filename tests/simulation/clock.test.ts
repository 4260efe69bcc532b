/** C8 on whole servers in simulated time: clocks that are refused, and what a repair shows to users. */
import { describe, expect, it } from "vitest";
import { wallMsOf } from "../../src/core/hybrid-clock.ts";
import { versionTime } from "../../src/core/ids.ts";
import type { ClockStatus, EntryInfo, Face } from "../../src/server/face.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

const YEARS_MS = 10 * 365 * 86_400_000;
const TOO_FAR_MS = 120_000;
const REST_LIMIT_MS = 120_000;
const ASK_TIMEOUT_MS = 20_000;
/** Of two times that should be the same moment. */
const CLOSE_MS = 10_000;

const ask = <T>(machine: Machine, call: (face: Face) => Promise<T>) => machine.ask(call, ASK_TIMEOUT_MS);
const clockOf = (machine: Machine): Promise<ClockStatus> => ask(machine, (face) => face.clock());
const head = (machine: Machine, path: string): Promise<EntryInfo> => ask(machine, (face) => face.head(path));
const modifiedMs = ({ modified }: EntryInfo): number => Date.parse(modified!);

async function rest(swarm: Swarm, machines: readonly Machine[] = swarm.machines): Promise<void> {
  expect(await comeToRest(swarm, machines, REST_LIMIT_MS)).toBeUndefined();
}

async function until(swarm: Swarm, what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = swarm.world.nowMs + REST_LIMIT_MS;
  while (!(await holds().catch(() => false))) {
    if (swarm.world.nowMs > endMs) throw new Error(`it does not come about: ${what}`);
    await swarm.world.sleep(200);
  }
}

async function setAll(swarm: Swarm, skewMs: number): Promise<void> {
  for (const machine of swarm.machines) machine.skewMs = skewMs;
  await rest(swarm);
}

describe("a server whose clock is too far away", () => {
  it("S2: throws nothing away for its age, which it cannot tell", () =>
    play({}, async (swarm) => {
      const [one, , wrong] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, one, "a", "text");
      await rest(swarm);
      await ask(one, (face) => face.remove("a"));
      await rest(swarm);
      const inTrash = () => wrong.files.tree().filter(({ name }) => name.startsWith(".fsdfs/trash/")).length;
      expect(inTrash()).toBe(1);
      wrong.skewMs = YEARS_MS;
      await swarm.world.sleep(REST_LIMIT_MS);
      expect(inTrash()).toBe(1);
      wrong.skewMs = 0;
      await rest(swarm);
      expect(inTrash()).toBe(1);
    }));

  it("C8: is refused, both sides say why, and it takes no change until its clock is right", () =>
    play({}, async (swarm) => {
      const [one, , wrong] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, one, "a", "before");
      wrong.skewMs = TOO_FAR_MS;
      const words = "The clock of s3 is 120 s ahead of that of s1, so the two do not work together.";
      await until(swarm, "both sides say why", async () => {
        const atOne = (await ask(one, (face) => face.servers())).find(({ name }) => name === "s3");
        const refused = (await clockOf(wrong)).servers.filter(({ refused }) => refused);
        const atWrong = (await ask(wrong, (face) => face.servers())).find(({ name }) => name === "s1");
        const isTold = atOne?.problem === words && atWrong?.problem === words;
        return atOne?.state === "down" && isTold && refused.length === 2;
      });
      expect(await clockOf(wrong)).toMatchObject({
        errorMs: expect.closeTo(TOO_FAR_MS, -2),
        advice: expect.stringContaining("takes no changes"),
      });
      const seen = (await clockOf(one)).servers.find(({ name }) => name === "s3");
      expect(seen).toMatchObject({
        skewMs: expect.closeTo(TOO_FAR_MS, -2),
        refused: true,
        aheadMs: null,
        state: "down",
      });

      const changes: ((face: Face) => Promise<unknown>)[] = [
        (face) => face.put("b", once("x")),
        (face) => face.remove("a"),
        (face) => face.move("a", "c"),
        (face) => face.makeDirectory("d"),
        (face) => face.createKey("k", "read"),
        (face) => face.repairClock(),
      ];
      for (const change of changes) await expect(ask(wrong, change)).rejects.toMatchObject({ code: "clock-wrong" });
      await putText(swarm, one, "a", "after");

      wrong.skewMs = 0;
      await rest(swarm);
      await putText(swarm, wrong, "b", "its own");
      expect((await readText(swarm, one, "b")).text).toBe("its own");
      expect((await clockOf(one)).servers.every(({ refused }) => !refused)).toBe(true);
    }));

  it.each(["with its disk", "with a new one"])("C8: leaves nothing dated by it when it starts, %s", (what) =>
    play({}, async (swarm) => {
      const [one, , wrong] = swarm.machines as [Machine, Machine, Machine];
      await putText(swarm, one, "a", "text");
      await rest(swarm);
      await wrong.shutdown();
      if (what === "with a new one") wrong.replaceDisks();
      wrong.skewMs = YEARS_MS;
      wrong.start();
      await swarm.world.sleep(REST_LIMIT_MS);
      await expect(ask(wrong, (face) => face.head("a"))).rejects.toMatchObject({ code: "clock-wrong" });
      await wrong.shutdown();
      wrong.skewMs = 0;
      wrong.start();
      await rest(swarm);
      expect((await putText(swarm, wrong, "b", "text")).copies).toBeGreaterThan(1);
      for (const machine of swarm.machines) expect((await clockOf(machine)).aheadMs).toBeLessThan(CLOSE_MS);
    }),
  );

  it("C8: is refused before it can join, and is named where it was refused", () =>
    play({}, async (swarm) => {
      const [one, , fresh] = swarm.machines as [Machine, Machine, Machine];
      await fresh.shutdown();
      fresh.replaceDisks();
      fresh.skewMs = -TOO_FAR_MS;
      fresh.start();
      await until(swarm, "it is named", async () => (await clockOf(one)).servers.some(({ state }) => state === null));
      const stranger = (await clockOf(one)).servers.find(({ state }) => state === null);
      expect(stranger).toMatchObject({ name: "s3", skewMs: expect.closeTo(-TOO_FAR_MS, -2), refused: true });
      fresh.skewMs = 0;
      await until(swarm, "it joins", async () => (await ask(fresh, async (face) => face.health())).status === "ok");
    }));
});

describe("a repair of the clock", () => {
  it("C8: is not made where nothing is dated in the future", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      await putText(swarm, one, "a", "text");
      expect(await ask(one, (face) => face.repairClock())).toMatchObject({ repaired: false, epoch: 0 });
      expect(await clockOf(one)).toMatchObject({ epoch: 0, repaired: null, advice: expect.stringContaining("agree") });
    }));

  it("C8: has new files dated right and win, old ones shown as of the repair, under the version that they had", () =>
    play({}, async (swarm) => {
      const [one, two, three] = swarm.machines as [Machine, Machine, Machine];
      await setAll(swarm, YEARS_MS);
      const old = await putText(swarm, one, "a", "old");
      await putText(swarm, two, "b", "old b");
      await ask(three, (face) => face.makeDirectory("d"));
      await setAll(swarm, 0);

      // What the wrong clock left behind: everything that is written now is dated in the future.
      await putText(swarm, three, "c", "late");
      expect(modifiedMs(await head(two, "c")) - two.wallMs()).toBeGreaterThan(YEARS_MS / 2);
      expect((await clockOf(two)).aheadMs).toBeGreaterThan(YEARS_MS / 2);
      expect((await clockOf(two)).advice).toContain("fsdfs clock repair");

      const repairedMs = two.wallMs();
      const done = await ask(two, (face) => face.repairClock());
      expect(done).toMatchObject({ repaired: true, epoch: 1 });
      expect(done.aheadMs).toBeGreaterThan(YEARS_MS / 2);
      for (const machine of swarm.machines) {
        for (const path of ["a", "b", "c", "d"]) {
          expect(Math.abs(modifiedMs(await head(machine, path)) - repairedMs), path).toBeLessThan(CLOSE_MS);
        }
        expect((await head(machine, "a")).version).toBe(old.version);
        expect((await readText(swarm, machine, "a")).text).toBe("old");
        const found = await clockOf(machine);
        expect(found).toMatchObject({ epoch: 1, advice: expect.stringContaining("agree") });
        expect(found.aheadMs).toBeLessThan(1000);
      }

      for (const [i, machine] of swarm.machines.entries()) {
        await putText(swarm, machine, "a", `new ${i}`);
        for (const reader of swarm.machines) {
          expect((await readText(swarm, reader, "a")).text).toBe(`new ${i}`);
          expect(Math.abs(modifiedMs(await head(reader, "a")) - reader.wallMs())).toBeLessThan(CLOSE_MS);
        }
      }
      await ask(one, (face) => face.remove("b"));
      expect(await ask(two, (face) => face.repairClock())).toMatchObject({ repaired: false, epoch: 1 });

      for (const machine of swarm.machines) await machine.shutdown();
      for (const machine of swarm.machines) machine.start();
      await rest(swarm);
      expect(await clockOf(one)).toMatchObject({ epoch: 1, advice: expect.stringContaining("agree") });
      await expect(head(three, "b")).rejects.toMatchObject({ code: "file-not-found" });
      const last = await putText(swarm, three, "e", "text");
      expect(Math.abs(modifiedMs(await head(one, "e")) - one.wallMs())).toBeLessThan(CLOSE_MS);
      // It named versions while its clock was wrong, and gives no name again: only names are ahead of the time.
      expect(wallMsOf(versionTime(last.version)) - three.wallMs()).toBeGreaterThan(YEARS_MS / 2);
    }));

  it("C8: has the trash of the wrong clock purged a week after it", () =>
    play({}, async (swarm) => {
      const [one] = swarm.machines as [Machine];
      const isTrashed = () => one.files.tree().some(({ name }) => name.startsWith(".fsdfs/trash/"));
      await setAll(swarm, YEARS_MS);
      await putText(swarm, one, "a", "text");
      await rest(swarm);
      await ask(one, (face) => face.remove("a"));
      await until(swarm, "it is in the trash", async () => isTrashed());
      await setAll(swarm, 0);
      await ask(one, (face) => face.repairClock());
      await setAll(swarm, 6 * 86_400_000);
      await swarm.world.sleep(60_000);
      expect(isTrashed()).toBe(true);
      await setAll(swarm, 8 * 86_400_000);
      await until(swarm, "it is purged", async () => !isTrashed());
    }));

  it("C8: waits for servers that are down, and does without absent ones when told to; they follow when they are back", () =>
    play({ graceMs: 10_000 }, async (swarm) => {
      const [one, two, away] = swarm.machines as [Machine, Machine, Machine];
      await setAll(swarm, YEARS_MS);
      await putText(swarm, one, "a", "old");
      await rest(swarm);
      away.crash();
      for (const machine of swarm.machines) machine.skewMs = 0;
      await rest(swarm, [one, two]);
      const refused = { code: "clock-repair-refused", message: expect.stringContaining("s3") };
      await expect(ask(one, (face) => face.repairClock())).rejects.toMatchObject(refused);
      const isAbsent = async () => (await ask(one, (face) => face.servers())).some(({ state }) => state === "absent");
      await until(swarm, "it is absent", isAbsent);
      await expect(ask(one, (face) => face.repairClock())).rejects.toMatchObject(refused);
      expect(await ask(one, (face) => face.repairClock({ withoutAbsent: true }))).toMatchObject({ repaired: true });
      await putText(swarm, two, "a", "new");

      away.start();
      await rest(swarm);
      expect(await clockOf(away)).toMatchObject({ epoch: 1, advice: expect.stringContaining("agree") });
      expect((await readText(swarm, away, "a")).text).toBe("new");
      await putText(swarm, away, "a", "newer");
      expect((await readText(swarm, one, "a")).text).toBe("newer");
      expect(Math.abs(modifiedMs(await head(one, "a")) - one.wallMs())).toBeLessThan(CLOSE_MS);
    }));
});

async function* once(text: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield new Uint8Array(Buffer.from(text));
}

it.each([2300, 1930])(
  "P3, P4, C8: what is taken by a clock that shows %d is read then, and once that was mended",
  (year) =>
    play({ servers: 1 }, async (swarm) => {
      const [only] = swarm.machines as [Machine];
      const names: string[] = [];
      const versions = new Set<string>();
      const putSome = async (when: string) => {
        const made = Array.from({ length: 20 }, (_, i) => `${when} ${i}`);
        for (const { version } of await Promise.all(made.map((name) => putText(swarm, only, name, name))))
          versions.add(version);
        names.push(...made);
        expect(versions.size).toBe(names.length);
        for (const name of names) expect((await readText(swarm, only, name)).text).toBe(name);
      };
      await putSome("before");
      only.skewMs = Date.UTC(year, 0) - only.wallMs();
      await swarm.world.sleep(CLOSE_MS);
      await putSome("by a wrong clock");
      only.crash();
      only.start();
      await rest(swarm);
      await putSome("after a crash");
      only.skewMs = 0;
      await rest(swarm);
      await putSome("by the right clock");
      await ask(only, (face) => face.repairClock({}));
      await putSome("after the repair");
      expect((await clockOf(only)).aheadMs).toBeLessThan(CLOSE_MS);
    }),
);
