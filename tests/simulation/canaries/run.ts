/** One canary: plants its bug, then runs seeds until an oracle sees it. `node run.ts NAME FROM SEEDS` */
import { registerHooks } from "node:module";
import { CANARIES } from "./planted.ts";

const [name, from, seeds] = process.argv.slice(2);
const canary = CANARIES.find((each) => each.name === name);
if (canary === undefined) throw new Error(`no canary is called "${name}"`);

let isPlanted = false;
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.endsWith(`/src/${canary.file}`)) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
    if (source.split(canary.find).length !== 2) {
      throw new Error(`src/${canary.file} does not have the text that the canary "${canary.name}" replaces, just once`);
    }
    isPlanted = true;
    return { ...loaded, source: source.replace(canary.find, () => canary.replace) };
  },
});

const { composeServer } = await import("../../../src/main.ts");
const { runSeed } = await import("../scenario.ts");
if (!isPlanted) throw new Error(`src/${canary.file} is not part of a server`);

const first = Number(from);
for (let seed = first; seed < first + Number(seeds); seed++) {
  const { failures } = await runSeed(seed, { compose: composeServer });
  const [failure] = failures;
  if (failure === undefined) continue;
  console.log(`caught by seed ${seed}: ${failure.rule}: ${failure.message.split("\n")[0]!.slice(0, 160)}`);
  process.exit(0);
}
console.log(`NOT CAUGHT by ${seeds} seeds`);
process.exit(1);
