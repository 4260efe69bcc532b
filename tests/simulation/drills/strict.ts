/** Targets of an upload stand still just when they are to enter it: under --strict W servers have it, or nobody is told so (P3). */
import type { Drill } from "./stage.ts";

const STILL_MS = 30_000;
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
      const content = stage.content(path);
      asked.plan = ({ about }) => {
        if (about === "commit") for (const other of others) other.stop(STILL_MS);
        return undefined;
      };
      await stage.put(asked, path, content, { requestId: path });
      asked.plan = () => undefined;
      await stage.sleep(STILL_MS);
      await stage.rest("when all go on", { copies: 3 });
      const again = await stage.put(asked, path, content, { requestId: path });
      stage.check(again.outcome === "acknowledged", "P3", `${path} is not taken when it is repeated: ${again.code}`);
    }
    await stage.judge({ copies: 3 });
  },
};
