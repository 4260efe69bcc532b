import { describe, expect, it } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import type { Change } from "../catalog/change.ts";
import { Settings } from "../settings.ts";
import { Directives } from "./directives.ts";
import { writeServerSetting } from "./server-settings.ts";
import { type Flags, StartFlags } from "./start-flags.ts";

const NOTHING: Flags = {
  quotaBytes: undefined,
  pulls: undefined,
  pullRate: undefined,
  serveRate: undefined,
  copies: undefined,
  writeCopies: undefined,
};

/** One server that is started again and again on the same catalog. */
class Life {
  readonly #world: DiskWorld;

  constructor(world: DiskWorld) {
    this.#world = world;
  }

  /** What holds while the server starts, and once it has written down with what it was started. */
  async start(flags: Partial<Flags>): Promise<{ before: Directives; after: Directives; flags: StartFlags }> {
    const { catalog } = this.#world;
    const started = new StartFlags(catalog, { ...NOTHING, ...flags });
    const before = snapshot(new Directives(new Settings(catalog), catalog.self, started));
    await catalog.change((change) => started.write(change));
    started.written();
    const after = snapshot(new Directives(new Settings(catalog), catalog.self, started));
    return { before, after, flags: started };
  }

  async say(apply: (change: Change, self: StartFlagsServer) => void): Promise<void> {
    await this.#world.catalog.change((change) => apply(change, this.#world.catalog.self));
  }
}

type StartFlagsServer = DiskWorld["catalog"]["self"];

function snapshot(directives: Directives): Directives {
  const { quotaBytes, pulls, pullRate, serveRate, isPaused, isDrainingHere } = directives;
  return { quotaBytes, pulls, pullRate, serveRate, isPaused, isDrainingHere } as Directives;
}

const begin = async () => new Life(await DiskWorld.begin());

describe("what was said last counts", () => {
  it("an option of the start counts until something is said, and what was said over restarts with the same options", async () => {
    const life = await begin();
    expect((await life.start({ quotaBytes: 100 })).after).toMatchObject({ quotaBytes: 100, pulls: 4 });
    await life.say((change, self) => writeServerSetting(change, self, "quotaBytes", 50));
    for (const flags of [{ quotaBytes: 100 }, {}, { quotaBytes: 100, pulls: 2 }]) {
      expect((await life.start(flags)).after).toMatchObject({ quotaBytes: 50 });
    }
  });

  it("an option that is given anew, or with another value, takes back what was said, from the first moment on", async () => {
    const life = await begin();
    await life.start({ quotaBytes: 100 });
    await life.say((change, self) => writeServerSetting(change, self, "quotaBytes", 50));
    await life.say((change, self) => writeServerSetting(change, self, "pullRate", "unlimited"));
    const { before, after } = await life.start({ quotaBytes: 200, pullRate: 70_000 });
    expect(before).toMatchObject({ quotaBytes: 200, pullRate: 70_000 });
    expect(after).toMatchObject({ quotaBytes: 200, pullRate: 70_000 });
    await life.say((change, self) => writeServerSetting(change, self, "pullRate", "unlimited"));
    expect((await life.start({ quotaBytes: 200, pullRate: 70_000 })).after).toMatchObject({ pullRate: undefined });
  });

  it("what was said is taken back by saying so, and then the start's options count", async () => {
    const life = await begin();
    await life.start({ pulls: 9, serveRate: 20_000 });
    await life.say((change, self) => {
      writeServerSetting(change, self, "pulls", 1);
      writeServerSetting(change, self, "paused", true);
    });
    expect((await life.start({ pulls: 9 })).after).toMatchObject({ pulls: 1, isPaused: true });
    await life.say((change, self) => {
      writeServerSetting(change, self, "pulls", null);
      writeServerSetting(change, self, "paused", false);
    });
    expect((await life.start({ pulls: 9 })).after).toMatchObject({ pulls: 9, isPaused: false });
  });

  it("N and W are said by a start that is the first or has others, and by no other", async () => {
    const life = await begin();
    expect((await life.start({ copies: 5 })).flags.saysNow("copies")).toBe(false); // It has been written down.
    const started = async (flags: Partial<Flags>) => {
      const world = await DiskWorld.begin();
      return new StartFlags(world.catalog, { ...NOTHING, ...flags });
    };
    expect((await started({ copies: 5 })).saysNow("copies")).toBe(true);
    expect((await started({})).saysNow("copies")).toBe(false);
  });
});
