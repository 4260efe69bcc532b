/** Room is wanted, and what could be thrown away is all that is left of a file (S2, S3). */
import type { Drill } from "./stage.ts";

const QUOTA_BYTES = 60_000;

/** One server is left, and takes a newer version: until others have it too, the older one is kept, whoever wants its room. */
export const scarceRoom: Drill = {
  name: "scarce room",
  rules: "S2 S3",
  config: () => ({ quotaBytes: QUOTA_BYTES }),
  async play(stage) {
    const [left, ...others] = stage.machines;
    await stage.boot();
    const before = await stage.mustPut(left!, "a", stage.content("a", stage.random.between(18_000, 25_000)));
    await stage.rest("with all copies", { copies: 3 });
    for (const machine of others) machine.crash();
    await stage.sleep(4_000);
    const after = await stage.mustPut(left!, "a", stage.content("a", stage.random.between(100, 5_000)));
    for (let i = 0; i < 4; i++) {
      const put = await stage.put(left!, `b/${i}`, stage.content("b", stage.random.between(8_000, 15_000)));
      const location = await stage.locate(left!, "a");
      const isSafe = (location?.copies ?? 0) >= 2 && stage.holders("a", after.sha256!).length >= 2;
      const isKept = stage.liesIn(left!, "trash", before.sha256!);
      stage.check(
        isSafe || isKept,
        "S2",
        `the version before was thrown away for #${put.id}, and there is one copy of its successor`,
      );
      stage.stopIfFailed();
    }
    for (const machine of others) machine.start();
    await stage.rest("when all are back");
    // Once its successor is safe its room is to be had again; copies of others may have taken all room before.
    const isSafe = (await stage.locate(left!, "a"))!.copies >= 2;
    if (isSafe) await stage.mustPut(left!, "c", stage.content("c", 9_000));
    await stage.judge();
  },
};
