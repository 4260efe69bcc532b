/** Every drill is green; that it can be red is what the canaries show (`npm run canaries`). */
import { describe, expect, it } from "vitest";
import { composeServer } from "../../../src/main.ts";
import { DRILLS } from "./drills.ts";
import { runDrill } from "./stage.ts";

const SEEDS = [1, 2, 3, 4];

describe("drills", () => {
  it.each(DRILLS)("$name: $rules hold", { timeout: 120_000 }, async (drill) => {
    for (const seed of SEEDS) {
      const { failures } = await runDrill(drill, seed, { compose: composeServer });
      expect(failures, `seed ${seed}`).toEqual([]);
    }
  });
});
