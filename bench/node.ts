/** How `./fsdfs` runs Node, for benches that run it themselves. */
import { readFileSync } from "node:fs";

const SCRIPT = new URL("../fsdfs", import.meta.url);

/** The options that it gives to Node. */
export const NODE_OPTIONS: readonly string[] = optionsIn(readFileSync(SCRIPT, "utf8"));

function optionsIn(script: string): string[] {
  const [, options] = /^exec "\$node" (.*)"\$root\/src\/cli\/main\.ts"/m.exec(script) ?? [];
  if (options === undefined) throw new Error("./fsdfs does not run Node as this expects it to");
  return options.split(" ").filter(Boolean);
}
