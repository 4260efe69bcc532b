/** Copies are spread over what fails together, without any file having fewer of them for it (R4). */
import type { Operation } from "../history.ts";
import type { Drill } from "./stage.ts";

const FILE_BYTES = 4_000;
/** Each side of the cut makes so many, which fill its servers but for a little. */
const FILES = 8;
const SPARE = 2.5;
/** Copies that have just been made stay for a while (R6), so that it takes several rounds. */
const SPREAD_MS = 300_000;
const ZONES = ["rack", "rack", "room", "room"];

/** Two racks that were cut off from each other have put their files where they could: each file is in both in the end. */
export const zones: Drill = {
  name: "zones",
  rules: "R4",
  config: () => ({
    servers: ZONES.length,
    copies: 2,
    zones: ZONES,
    reserve: 0,
    quotaBytes: (FILES + SPARE) * FILE_BYTES,
  }),
  async play(stage) {
    await stage.boot();
    const sides = [stage.machines.slice(0, 2), stage.machines.slice(2)] as const;
    stage.swarm.cut(sides[0], sides[1], true);
    await stage.sleep(5_000);
    const puts: Operation[] = [];
    for (let i = 0; i < FILES; i++) {
      for (const [number, side] of sides.entries()) {
        const path = `side ${number}/${i}`;
        puts.push(await stage.mustPut(stage.random.pick(side), path, stage.content(path, FILE_BYTES)));
      }
    }
    stage.swarm.heal(sides[0], sides[1], "resume");
    const inOne = () => puts.filter(({ path, sha256 }) => zonesOf(stage.holders(path, sha256!)) < 2).length;
    const endMs = stage.world.nowMs + SPREAD_MS;
    while (inOne() > 0 && stage.world.nowMs < endMs) await stage.sleep(1_000);
    stage.check(inOne() === 0, "R4", `${inOne()} of ${puts.length} files lie in one zone`);
    await stage.judge({ copies: 2 });
  },
};

function zonesOf(holders: readonly { readonly name: string }[]): number {
  return new Set(holders.map(({ name }) => ZONES[Number(name.slice(1)) - 1])).size;
}
