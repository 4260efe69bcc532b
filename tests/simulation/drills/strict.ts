/** Targets of an upload stand still just when they are to enter it: under --strict W servers have it, or nobody is told so (P3). */
import type { Drill } from "./stage.ts";

const STILL_MS = 30_000;
/** It does not go whole in one message: what is sent in a bundle after it is its commit. */
const SIZE_BYTES = 20_000;
const UPLOADS = 3;

export const strict: Drill = {
  name: "strict",
  rules: "P3",
  config: () => ({ strict: true }),
  async play(stage) {
    await stage.boot();
    for (let upload = 0; upload < UPLOADS; upload++) {
      const asked = stage.random.pick(stage.machines);
      const others = stage.machines.filter((machine) => machine !== asked);
      const path = `music/${upload}`;
      const content = stage.content(path, SIZE_BYTES);
      let stopped = false;
      asked.plan = ({ about }) => {
        if (about !== "bundle" || stopped) return undefined;
        stopped = true;
        for (const other of others) other.stop(STILL_MS);
        return undefined;
      };
      await stage.put(asked, path, content, { requestId: path });
      asked.plan = () => undefined;
      stage.check(stopped, "P3", `${path} was not sent to be entered while all is well`);
      await stage.sleep(STILL_MS);
      await stage.rest("when all go on", { copies: 3 });
      const again = await stage.put(asked, path, content, { requestId: path });
      stage.check(again.outcome === "acknowledged", "P3", `${path} is not taken when it is repeated: ${again.code}`);
    }
    await stage.judge({ copies: 3 });
  },
};
