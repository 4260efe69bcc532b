/** One canary: plants its bug, then runs seeds until an oracle sees it. `node run.ts NAME FROM SEEDS` */
import { registerHooks } from "node:module";
import { type Edit, editsOf } from "./canary.ts";
import { CANARIES } from "./planted.ts";

const [name, from, seeds] = process.argv.slice(2);
const canary = CANARIES.find((each) => each.name === name);
if (canary === undefined) throw new Error(`no canary is called "${name}"`);

const edits = editsOf(canary);
const planted = new Set<Edit>();
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const here = edits.filter(({ file }) => url.endsWith(`/src/${file}`));
    if (here.length === 0) return loaded;
    const source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
    return { ...loaded, source: here.reduce(plant, source) };
  },
});

function plant(source: string, edit: Edit): string {
  if (source.split(edit.find).length !== 2) {
    throw new Error(`src/${edit.file} does not have the text that the canary "${name}" replaces, just once`);
  }
  planted.add(edit);
  return source.replace(edit.find, () => edit.replace);
}

const { composeServer } = await import("../../../src/main.ts");
const { runSeed } = await import("../scenario.ts");
const { runCollecting } = await import("../collecting.ts");
const { drillNamed } = await import("../drills/drills.ts");
const { runDrill } = await import("../drills/stage.ts");
if (planted.size !== edits.length) throw new Error(`src/${canary.file} is not part of a server`);

const drill = canary.drill === undefined ? undefined : drillNamed(canary.drill);
const random = canary.story === "collecting" ? runCollecting : runSeed;
const attack = (seed: number) =>
  drill === undefined ? random(seed, { compose: composeServer }) : runDrill(drill, seed, { compose: composeServer });
const attacker = drill === undefined ? (canary.story ?? "random runs") : `drill "${drill.name}"`;

const first = Number(from);
for (let seed = first; seed < first + Number(seeds); seed++) {
  const [failure] = (await attack(seed)).failures;
  if (failure === undefined) continue;
  const message = failure.message.split("\n")[0]!.slice(0, 140);
  console.log(`caught by ${attacker}, seed ${seed}: ${failure.rule}: ${message}`);
  process.exit(0);
}
console.log(`NOT CAUGHT by ${seeds} seeds of ${attacker}`);
process.exit(1);
