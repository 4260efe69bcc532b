/**
 * Tells who watches what happens: changes of the catalog, whoever made them; this server's pulls; the servers' states.
 * Nobody who watches holds anybody up: what is not read in time is dropped, and that is told.
 */
import type { CatalogNote } from "../../core/catalog/notes.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { Content } from "../../core/catalog/types.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Changed } from "../catalog/change.ts";
import type { AlarmInfo, HolderInfo } from "../face.ts";
import type { PullStep } from "../replication/puller.ts";
import { contentOfVersion } from "../storage/copies.ts";
import { sleep } from "../timers.ts";
import type { SwarmEvent, WatchOptions } from "./event.ts";
import { Watcher } from "./watcher.ts";

/** A dashboard and a script on each of some machines; each costs memory, and a little work at each change. */
const WATCHERS_MAX = 100;
/** A server's state is looked at so often while somebody watches. */
const SERVERS_EVERY_MS = 500;
/** A pull's progress is told so often. */
const PROGRESS_EVERY_MS = 500;

export interface EventsParts {
  readonly clock: Clock;
  readonly catalog: Catalog;
  readonly ending: AbortSignal;
  /** The roster as this server sees it. */
  servers(): readonly SeenServer[];
}

export type SeenServer = HolderInfo & { readonly alarms: readonly AlarmInfo[] };

export class Events {
  readonly #parts: EventsParts;
  readonly #watchers = new Set<Watcher>();
  /** The last that was told of each pull under way, and when. */
  readonly #pulls = new Map<VersionId, { readonly at: number; readonly received: number }>();
  #servers = new Map<ServerId, SeenServer>();
  #looking: Promise<void> | undefined;

  constructor(parts: EventsParts) {
    this.#parts = parts;
    parts.catalog.onChange((changed) => this.#changed(changed));
    parts.ending.addEventListener("abort", () => {
      for (const watcher of this.#watchers) watcher.wake();
    });
  }

  /** @throws FsdfsError `too-many-watchers` by the first step */
  async *watch(options: WatchOptions): AsyncGenerator<SwarmEvent> {
    const { clock, catalog, ending } = this.#parts;
    if (this.#watchers.size >= WATCHERS_MAX) throw new FsdfsError("too-many-watchers", { limit: WATCHERS_MAX });
    const watcher = new Watcher(options, ending);
    this.#watchers.add(watcher);
    catalog.isWatched = true;
    this.#looking ??= this.#lookAtServers();
    try {
      yield { type: "ready", server: catalog.self };
      if (options.again) yield { type: "missed", reason: "reconnected" };
      for (let event = await watcher.next(clock); event !== undefined; event = await watcher.next(clock)) yield event;
    } finally {
      this.#watchers.delete(watcher);
      catalog.isWatched = this.#watchers.size > 0;
    }
  }

  pull({ step, version, received }: PullStep): void {
    if (this.#watchers.size === 0) {
      this.#pulls.clear();
      return;
    }
    const at = this.#parts.clock.monotonic();
    const last = this.#pulls.get(version);
    if (step === "progress" && last !== undefined && at - last.at < PROGRESS_EVERY_MS) return;
    const hasEnded = step === "done" || step === "failed";
    if (hasEnded) this.#pulls.delete(version);
    else this.#pulls.set(version, { at, received });
    const view = this.#parts.catalog.read();
    const path = readVersionRow(view, version).paths[0] ?? null;
    const size = contentOfVersion(view, version)?.sizeBytes ?? null;
    const reached = step === "done" ? (size ?? received) : hasEnded ? (last?.received ?? 0) : received;
    this.#tell({ type: "pull", change: step, path, version, size, received: reached });
  }

  #changed({ notes, replaced }: Changed): void {
    if (this.#watchers.size === 0) return;
    if (replaced) this.#tell({ type: "missed", reason: "replaced" });
    for (const note of notes ?? []) this.#tell(this.#eventOf(note));
  }

  #eventOf(note: CatalogNote): SwarmEvent {
    switch (note.kind) {
      case "put": {
        const { version, sizeBytes: size, sha256 } = note.content;
        return { type: "file", change: "put", path: note.path, version, size, sha256, created: note.created };
      }
      case "made":
        return { type: "file", change: "directory", path: note.path };
      case "deleted":
        return { type: "file", change: "deleted", path: note.path, version: versionOf(note.before) };
      case "moved":
        return { type: "file", change: "moved", path: note.path, to: note.to, version: versionOf(note.before) };
      case "copy": {
        const { version, server, held } = note;
        const at = readVersionRow(this.#parts.catalog.read(), version).paths[0] ?? null;
        return { type: "copy", change: held ? "made" : "withdrawn", path: at, version, server };
      }
    }
  }

  /** As long as somebody watches. */
  async #lookAtServers(): Promise<void> {
    const { clock, ending } = this.#parts;
    this.#servers = this.#lookNow();
    while (!ending.aborted && this.#watchers.size > 0) {
      await sleep(clock, SERVERS_EVERY_MS, ending);
      const before = this.#servers;
      this.#servers = this.#lookNow();
      for (const event of differences(before, this.#servers)) this.#tell(event);
    }
    this.#looking = undefined;
  }

  #lookNow(): Map<ServerId, SeenServer> {
    return new Map(this.#parts.servers().map((server) => [server.id, server]));
  }

  #tell(event: SwarmEvent): void {
    for (const watcher of this.#watchers) watcher.offer(event);
  }
}

function* differences(
  before: ReadonlyMap<ServerId, SeenServer>,
  after: ReadonlyMap<ServerId, SeenServer>,
): Generator<SwarmEvent> {
  for (const { id, name, url, state, alarms } of after.values()) {
    const known = before.get(id);
    if (known === undefined) yield { type: "server", change: "joined", id, name, url };
    if (known?.state !== state && !(known === undefined && state !== "up"))
      yield { type: "server", change: state, id, name, url };
    // Of one that is not up nothing is known: its alarm has not ended.
    if (state === "up") yield* changedAlarms({ id, name }, known?.alarms ?? [], alarms);
  }
  for (const { id, name, url } of before.values()) {
    if (!after.has(id)) yield { type: "server", change: "removed", id, name, url };
  }
}

function* changedAlarms(
  server: Pick<SeenServer, "id" | "name">,
  before: readonly AlarmInfo[],
  after: readonly AlarmInfo[],
): Generator<SwarmEvent> {
  const told = (change: "raised" | "cleared", { kind, message }: AlarmInfo): SwarmEvent => {
    return { type: "alarm", change, kind, ...server, message };
  };
  const without = (alarms: readonly AlarmInfo[], others: readonly AlarmInfo[]) =>
    alarms.filter(({ kind }) => others.every((other) => other.kind !== kind));
  for (const alarm of without(after, before)) yield told("raised", alarm);
  for (const alarm of without(before, after)) yield told("cleared", alarm);
}

function versionOf(content: Content): VersionId | null {
  return content.type === "file" ? content.version : null;
}
