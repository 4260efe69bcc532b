/** What a server in a program tells it: the events of `GET /events` (server/events/event.ts), each under a name of its own. */
import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { FsdfsError } from "../errors.ts";
import type { SwarmEvent } from "../server/face.ts";
import type { Server } from "../server/server.ts";
import type { ServerEvents } from "./server-events.ts";

const NAMES = ["stored", "pulled", "dropped", "deleted", "moved", "up", "down", "alarm", "missed"] as const;

/** Too many watch already: it is tried again after so long. */
const AGAIN_MS = 1000;

async function aMoment(signal: AbortSignal): Promise<void> {
  await delay(AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
}

/** Watches the server while somebody listens, so that one without listeners has no work by it. */
export class ServerEventSource extends EventEmitter<ServerEvents> {
  readonly #server: Pick<Server, "watch">;
  readonly #self: string;
  readonly #ending: AbortSignal;
  #watching: AbortController | undefined;

  readonly #pause: (signal: AbortSignal) => Promise<void>;

  /** `ending`: the server is stopped, and nothing is told any more. */
  constructor(server: Pick<Server, "watch">, self: string, ending: AbortSignal, pause = aMoment) {
    super();
    this.#server = server;
    this.#self = self;
    this.#ending = ending;
    this.#pause = pause;
    const untyped = untypedOf(this);
    untyped.on("removeListener", () => this.#endUnheard());
    untyped.on("newListener", () => this.#begin());
    ending.addEventListener("abort", () => this.#watching?.abort());
  }

  #begin(): void {
    if (this.#ending.aborted || this.#watching !== undefined) return;
    this.#watching = new AbortController();
    void this.#watch(this.#watching.signal);
  }

  #endUnheard(): void {
    if (NAMES.some((name) => this.listenerCount(name) > 0)) return;
    this.#watching?.abort();
    this.#watching = undefined;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const event of this.#server.watch({ signal })) if (!signal.aborted) this.#tell(event);
        return; // Nobody listens any more, or the server has stopped.
      } catch (error) {
        if (!(error instanceof FsdfsError) || error.code !== "too-many-watchers") throw error;
        await this.#pause(signal);
        this.#tell({ type: "missed", reason: "lagging" });
      }
    }
  }

  #tell(event: SwarmEvent): void {
    const told = toldAs(event, this.#self);
    if (told === undefined) return;
    try {
      untypedOf(this).emit(told.name, told.event);
    } catch (error) {
      // A listener's mistake is its program's, and ends that as any other would; it does not end the telling.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Node's own types know no listener of listeners, nor an event whose name is a parameter. */
function untypedOf(source: ServerEventSource): EventEmitter {
  return source as unknown as EventEmitter;
}

type Told = {
  [Name in keyof ServerEvents]: { readonly name: Name; readonly event: ServerEvents[Name][0] };
}[keyof ServerEvents];

/** @param self the server that tells it. undefined: it has no name here */
function toldAs(event: SwarmEvent, self: string): Told | undefined {
  switch (event.type) {
    case "file":
      return toldOfFile(event);
    case "copy": {
      const { path, version, server, change } = event;
      // That of a file which was deleted or overwritten is withdrawn as well, and at no path by then.
      const isDropped = change === "withdrawn" && server === self && path !== null;
      return isDropped ? { name: "dropped", event: { path, version } } : undefined;
    }
    case "pull": {
      const { path, version, size, change } = event;
      return change === "done" ? { name: "pulled", event: { path, version, size } } : undefined;
    }
    case "server": {
      const { id, name, url, change } = event;
      return change === "up" || change === "down" ? { name: change, event: { id, name, url } } : undefined;
    }
    case "alarm": {
      const { type: name, ...alarm } = event;
      return { name, event: alarm };
    }
    case "missed":
      return { name: "missed", event: { reason: event.reason === "replaced" ? "replaced" : "lagging" } };
    case "ready":
      return undefined;
  }
}

function toldOfFile(event: Extract<SwarmEvent, { type: "file" }>): Told | undefined {
  switch (event.change) {
    case "put": {
      const { path, version, size, sha256, created } = event;
      return { name: "stored", event: { path, version, size, sha256, created } };
    }
    case "deleted":
      return { name: "deleted", event: { path: event.path, version: event.version } };
    case "moved":
      return { name: "moved", event: { path: event.path, to: event.to, version: event.version } };
    case "directory":
      return undefined;
  }
}
