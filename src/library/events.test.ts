import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import type { ServerId, VersionId } from "../core/ids.ts";
import { FsdfsError } from "../errors.ts";
import type { SwarmEvent } from "../server/face.ts";
import { ServerEventSource } from "./events.ts";
import type { ServerEvents } from "./server-events.ts";

const SELF = "0123456789ab" as ServerId;
const OTHER = "ba9876543210" as ServerId;
const VERSION = "v1" as VersionId;
const SEEN = { id: OTHER, name: "attic", url: "http://attic:4242" };

const RAW: readonly SwarmEvent[] = [
  { type: "ready", server: SELF },
  { type: "file", change: "put", path: "a", version: VERSION, size: 3, sha256: "00", created: true },
  { type: "file", change: "directory", path: "d" },
  { type: "file", change: "moved", path: "a", to: "b", version: VERSION },
  { type: "file", change: "deleted", path: "b", version: VERSION },
  { type: "copy", change: "made", path: "a", version: VERSION, server: SELF },
  { type: "copy", change: "withdrawn", path: "a", version: VERSION, server: OTHER },
  { type: "copy", change: "withdrawn", path: null, version: VERSION, server: SELF },
  { type: "copy", change: "withdrawn", path: "a", version: VERSION, server: SELF },
  { type: "pull", change: "begun", path: "a", version: VERSION, size: 3, received: 0 },
  { type: "pull", change: "done", path: "a", version: VERSION, size: 3, received: 3 },
  { type: "server", change: "joined", ...SEEN },
  { type: "server", change: "up", ...SEEN },
  { type: "server", change: "down", ...SEEN },
  { type: "alarm", change: "raised", kind: "disk", id: OTHER, name: "attic", message: "The disk returns errors" },
  { type: "missed", reason: "replaced" },
];

const NAMES = ["stored", "pulled", "dropped", "deleted", "moved", "up", "down", "alarm", "missed"] as const;

afterEach(() => void vi.unstubAllGlobals());

/** One that tells all of it to whoever comes, then waits for the end. */
async function* tellAll({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<SwarmEvent> {
  yield* RAW;
  if (!signal.aborted) await once(signal, "abort");
}

type Watch = (options: { readonly signal: AbortSignal }) => AsyncGenerator<SwarmEvent>;

function source(watch: Watch, ending = new AbortController()): ServerEventSource {
  return new ServerEventSource({ watch }, SELF, ending.signal, async () => undefined);
}

test("each event has a name, and what others do with their copies has none", async () => {
  const events = source(tellAll);
  const told: [keyof ServerEvents, unknown][] = [];
  for (const name of NAMES) events.on(name, (event: unknown) => told.push([name, event]));
  await vi.waitFor(() => expect(told).toHaveLength(NAMES.length));
  expect(told).toEqual([
    ["stored", { path: "a", version: "v1", size: 3, sha256: "00", created: true }],
    ["moved", { path: "a", to: "b", version: "v1" }],
    ["deleted", { path: "b", version: "v1" }],
    ["dropped", { path: "a", version: "v1" }],
    ["pulled", { path: "a", version: "v1", size: 3 }],
    ["up", SEEN],
    ["down", SEEN],
    ["alarm", { change: "raised", kind: "disk", id: OTHER, name: "attic", message: "The disk returns errors" }],
    ["missed", { reason: "replaced" }],
  ]);
});

test("the server is watched as long as somebody listens, and no longer than it runs", async () => {
  const seen: AbortSignal[] = [];
  const ending = new AbortController();
  const events = source((options) => {
    seen.push(options.signal);
    return tellAll(options);
  }, ending);
  expect(seen).toHaveLength(0);
  const [[told]] = await Promise.all([once(events, "stored"), once(events, "up")]);
  expect(told).toMatchObject({ path: "a" });
  expect(seen.map(({ aborted }) => aborted)).toEqual([true]);
  events.on("down", () => undefined);
  expect(seen.map(({ aborted }) => aborted)).toEqual([true, false]);
  ending.abort();
  expect(seen[1]?.aborted).toBe(true);
  events.on("up", () => undefined);
  expect(seen).toHaveLength(2);
});

test("where too many watch already, it is tried again, and that something was missed is told", async () => {
  let tries = 0;
  const events = source(async function* (options) {
    if (++tries < 3) throw new FsdfsError("too-many-watchers", { limit: 100 });
    yield* tellAll(options);
  });
  const missed = vi.fn();
  events.on("missed", missed);
  await once(events, "stored");
  expect(tries).toBe(3);
  expect(missed).toHaveBeenCalledWith({ reason: "lagging" });
});

test("what a listener throws is thrown out of everybody's way, and the others hear what follows", async () => {
  const thrown: unknown[] = [];
  vi.stubGlobal("queueMicrotask", (run: () => void) => {
    try {
      run();
    } catch (error) {
      thrown.push(error);
    }
  });
  const events = source(tellAll);
  const mistake = new Error("a mistake of the program");
  events.on("stored", () => {
    throw mistake;
  });
  expect(await once(events, "pulled")).toMatchObject([{ path: "a" }]);
  expect(thrown).toEqual([mistake]);
});
