/** A disk that does not give the bytes of a copy while a client reads it. */
import { expect, it } from "vitest";
import { utf8 } from "../../src/core/bytes.ts";
import { CHUNK_BYTES } from "../../src/server/storage/streams.ts";
import type { Machine } from "./machine.ts";
import { play, putText, readText } from "./play.ts";
import { comeToRest } from "./rest.ts";

const LIMIT_MS = 120_000;

it.each([1, 2, 3])("P4: what one disk does not give, from its read %i on, comes from another server's", (broken) =>
  play({ servers: 2, copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    const text = "0123456789abcdef".repeat((3 * CHUNK_BYTES) / 16);
    await putText(swarm, first, "a.ogg", text);
    expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
    let reads = 0;
    first.plan = ({ method, about }) => {
      if (method !== "read" || about !== "a.ogg") return undefined;
      reads += 1;
      return reads >= broken ? { kind: "error", code: "io", side: "before" } : undefined;
    };
    expect((await readText(swarm, first, "a.ogg")).text === text).toBe(true);
    expect(reads).toBeGreaterThanOrEqual(broken);
    first.plan = () => undefined;
  }),
);

it.each([1, 2, 3])("P4: what somebody edits amid its read %i comes from another server's", (edited) =>
  play({ servers: 2, copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    const text = "0123456789abcdef".repeat((3 * CHUNK_BYTES) / 16);
    await putText(swarm, first, "a.ogg", text);
    expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
    let reads = 0;
    first.plan = ({ method, about }) => {
      if (method === "read" && about === "a.ogg" && ++reads === edited) {
        first.files.writeExternally("a.ogg", utf8("edited"), { inPlace: true });
      }
      return undefined;
    };
    expect((await readText(swarm, first, "a.ogg")).text === text).toBe(true);
    first.plan = () => undefined;
  }),
);

it.each(["denied", "io"] as const)("P4: a copy that cannot be opened (%s) is read from another server's", (code) =>
  play({ servers: 2, copies: 2 }, async (swarm) => {
    const [first] = swarm.machines as [Machine];
    await putText(swarm, first, "a", "text");
    expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
    first.plan = ({ method, about }) =>
      method === "open" && about === "a" ? { kind: "error", code, side: "before" } : undefined;
    expect((await readText(swarm, first, "a")).text).toBe("text");
    const [asked] = (await first.ask((face) => face.servers(), LIMIT_MS)).filter(({ name }) => name === first.name);
    expect(asked?.alarms).toHaveLength(code === "io" ? 1 : 0); // Its disk ails.
    first.plan = () => undefined;
  }),
);

it.each(["denied", "io"] as const)(
  "C9: a stranger that cannot be read (%s) keeps no copy from being made at its path",
  (code) =>
    play({ servers: 2, copies: 2, writeCopies: 1 }, async (swarm) => {
      const [first, second] = swarm.machines as [Machine, Machine];
      second.files.writeExternally("a", utf8("mine"));
      const isAside = () => second.files.tree().some(({ name }) => name.startsWith(".fsdfs/aside/"));
      second.plan = ({ method, about }) =>
        method === "open" && about === "a" && !isAside() ? { kind: "error", code, side: "before" } : undefined;
      await putText(swarm, first, "a", "text");
      expect(await comeToRest(swarm, swarm.machines, LIMIT_MS, 2)).toBe(undefined);
      expect(isAside()).toBe(true);
    }),
);

it.each([0, 1])(
  "S2: what lies in the trash of server %i and is not given by its disk is restored by another",
  (asked) =>
    play({ servers: 2, copies: 2 }, async (swarm) => {
      const [first] = swarm.machines as [Machine];
      await putText(swarm, first, "a", "text");
      expect(await comeToRest(swarm, swarm.machines, LIMIT_MS)).toBe(undefined);
      await first.ask((face) => face.remove("a"), LIMIT_MS);
      await swarm.world.sleep(LIMIT_MS);
      first.plan = ({ method, about }) =>
        method === "open" && about.startsWith(".fsdfs/trash/")
          ? { kind: "error", code: "io", side: "before" }
          : undefined;
      await swarm.machines[asked]!.ask((face) => face.restore({ path: "a" }), LIMIT_MS);
      expect((await readText(swarm, first, "a")).text).toBe("text");
      first.plan = () => undefined;
    }),
);

it("D2: what a disk did not give is not promised after a restart either, and the alarm lasts until it is read", () =>
  play({ servers: 3, copies: 2 }, async (swarm) => {
    const [first, second] = swarm.machines as [Machine, Machine];
    for (let i = 0; i < 100; i++) await putText(swarm, first, `${i}`, `text ${i}`); // Of which the scrub reads one now.
    await putText(swarm, first, "a", "text");
    expect(await comeToRest(swarm, swarm.machines, LIMIT_MS, 3)).toBe(undefined);
    second.plan = ({ method, about }) =>
      method === "read" && about === "a" ? { kind: "error", code: "io", side: "before" } : undefined;
    await readText(swarm, second, "a");
    await swarm.world.sleep(1_000);
    second.crash();
    second.start();
    await swarm.world.sleep(15_000);
    const alarms = async () => {
      const servers = await first.ask((face) => face.servers(), LIMIT_MS);
      return servers.find(({ name }) => name === second.name)!.alarms;
    };
    expect(await alarms()).toHaveLength(1);
    await expect(first.ask((face) => face.drop("a"), LIMIT_MS)).rejects.toMatchObject({ code: "drop-refused" });
    second.plan = () => undefined;
    await swarm.world.sleep(20_000);
    expect(await alarms()).toEqual([]);
    await first.ask((face) => face.drop("a"), LIMIT_MS);
  }));
