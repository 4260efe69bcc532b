/** What drills with full disks begin with and watch. */
import { DATA_PATH } from "../../../src/adapters/memory/sources.ts";
import { type Content, sha256Of } from "../content.ts";
import type { Machine } from "../machine.ts";
import type { Stage } from "./stage.ts";

/** Above which no server pulls (M4). */
const BUSY = 1;
const WATCH_EVERY_MS = 250;
const DIRECTORY = "adopted";
const TRASH = ".fsdfs/trash/";

export interface LyingFile {
  readonly path: string;
  readonly content: Content;
  /** Indexes of the machines on whose disks it lies. */
  readonly on: readonly number[];
}

/** Starts the machines with files that they take over where they lie. All stay so busy that nobody copies anything. */
export async function adoptAll(stage: Stage, files: readonly LyingFile[]): Promise<void> {
  for (const machine of stage.machines) machine.load = BUSY;
  for (const { path, content, on } of files) {
    for (const index of on) stage.machine(index).files.writeExternally(`${DIRECTORY}/${path}`, content.bytes);
  }
  await stage.boot();
  for (const { path, content } of files) {
    const operation = stage.history.begin("user", "put", `${DIRECTORY}/${path}`, { sha256: content.sha256 });
    stage.history.end(operation, "unknown");
  }
  for (const [index, machine] of stage.machines.entries()) {
    if (!files.some(({ on }) => on.includes(index))) continue;
    await stage.ask(machine, async (face) => {
      for await (const event of face.adopt(`${DATA_PATH}/${DIRECTORY}`, { local: false })) {
        stage.check(event.kind !== "skipped", "C9", `${machine.name} does not adopt a file`);
      }
    });
  }
  await stage.rest("with what lay there");
}

/** Looks at all disks, over and over: no file that was acknowledged on so many has fewer copies at any moment (P3). */
export class CopyWatch {
  readonly #stage: Stage;
  readonly #least: number;
  readonly #forgotten = new Set<string>();
  #only: string | undefined;
  #stopped = false;

  constructor(stage: Stage, least: number) {
    this.#stage = stage;
    this.#least = least;
  }

  /** @param only the one file that is watched; else all that were put */
  start(only?: string): void {
    this.#only = only;
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
  }

  paths(): string[] {
    return this.#watched().map(({ path }) => path);
  }

  /** It is about to be deleted. */
  forget(path: string): void {
    this.#forgotten.add(path);
  }

  #watched(): { readonly path: string; readonly sha256: string; readonly least: number }[] {
    return this.#stage.history.operations.flatMap(({ kind, path, sha256, outcome, copies }) => {
      if (kind !== "put" || sha256 === undefined || this.#forgotten.has(path)) return [];
      if (this.#only !== undefined) {
        return path === `${DIRECTORY}/${this.#only}` ? [{ path, sha256, least: this.#least }] : [];
      }
      return outcome === "acknowledged" ? [{ path, sha256, least: Math.min(this.#least, copies ?? 1) }] : [];
    });
  }

  #look(): void {
    if (this.#stopped) return;
    const disks = this.#stage.machines.map(({ files }) => {
      const copies = files.tree().filter(({ name, type }) => type === "file" && !name.startsWith(TRASH));
      return new Set(copies.map(({ content }) => sha256Of(content)));
    });
    for (const { path, sha256, least } of this.#watched()) {
      const count = disks.filter((disk) => disk.has(sha256)).length;
      this.#stage.check(count >= least, "P3", `${path} is down to ${count} copies of ${least}`);
    }
    if (this.#stage.world.failures.length === 0) this.#stage.world.after(WATCH_EVERY_MS, () => this.#look());
  }
}

/** Whether no disk changes for so long. */
export async function unchangedFor(stage: Stage, ms: number, machines = stage.machines): Promise<boolean> {
  const before = namesOf(machines);
  await stage.sleep(ms);
  return namesOf(machines) === before;
}

function namesOf(machines: readonly Machine[]): string {
  return machines.map(({ files }) => files.tree().map(({ name, stat }) => `${name} ${stat.inode}`)).join("\n");
}
