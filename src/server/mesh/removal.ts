/**
 * Servers that the operator has removed from the swarm for good (C7), and what becomes of this one when it is removed: it
 * serves nobody any more, says why, and starts again only as a new server.
 *
 * X1. A server that is up when it is removed has given up first, durably: it decides nothing and takes nothing when others
 *     begin to do without it, and acknowledges nothing any more that it took before. Of one that is down the operator has
 *     said that it is gone for good.
 * X2. Whoever knows of the removal talks to the removed server no more. What it wrote and others know stays; what it alone
 *     knows is not taken in.
 */
import { utf8 } from "../../core/bytes.ts";
import { metaKey } from "../../core/catalog/keys.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import type { ServerId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { CatalogStore } from "../../ports/catalog-store.ts";
import type { Log } from "../../ports/log.ts";
import { RemoteError } from "../../ports/network.ts";
import type { Settings } from "../settings.ts";
import type { Link } from "./link.ts";
import type { Mesh } from "./mesh.ts";
import { decodeJson, encodeJson } from "./messages.ts";

/** Set in the catalog of a server that was removed: it starts no more but as a new one. */
export const REMOVED_KEY: Bytes = metaKey("removed");
const LEAVE_TIMEOUT_MS = 5000;

export interface RemovalParts {
  readonly self: ServerId;
  readonly name: string;
  readonly store: CatalogStore;
  readonly settings: Settings;
  readonly log: Log;
  /** Whether this server is drained, and nothing is left on it. */
  isEmpty(): boolean;
}

export class Removal {
  readonly #parts: RemovalParts;
  #mesh: Mesh | undefined;
  #isRemoved = false;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
  }

  /** From now on this server hears of it when it is removed, and lets go of others that are. */
  watch(mesh: Mesh): void {
    this.#mesh = mesh;
    mesh.handle("leave", async ({ message, signal }) => {
      const { acceptLoss } = decodeJson<{ acceptLoss: boolean }>(message);
      const { name: server, isEmpty, store } = this.#parts;
      await store.write(() => undefined); // After a standstill, what came behind it is heard first: that nobody waits any more.
      if (signal.aborted) throw new FsdfsError("remove-refused", { server, reason: "it hears of it too late" });
      if (!acceptLoss && !isEmpty()) throw new FsdfsError("remove-refused", { server, reason: "it is not empty yet" });
      await this.giveUp();
      return { head: encodeJson({}) };
    });
    this.#parts.settings.onChange(() => this.#look());
    this.#look();
  }

  /** This server is none of its swarm any more. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Whether to talk to a server at all (X2). @throws FsdfsError `server-removed` */
  check(server: ServerId): void {
    const removed = this.#parts.settings.removed.get(server);
    if (removed !== undefined) throw new FsdfsError("server-removed", { server: removed.name, id: server });
    this.checkSelf();
  }

  /** @throws FsdfsError `server-removed` once this server is removed */
  checkSelf(): void {
    if (this.#isRemoved) throw new FsdfsError("server-removed", { server: this.#parts.name });
  }

  /** Another server refuses this one, which may be because it was removed. */
  told({ code, params }: RemoteError): void {
    if (code === "server-removed" && params.id === this.#parts.self) void this.giveUp().catch(() => undefined);
  }

  /** X1. Durable when it resolves. */
  async giveUp(): Promise<void> {
    const { store, log, name } = this.#parts;
    if (!this.#isRemoved) {
      this.#isRemoved = true;
      this.#mesh?.progress();
      log.error(
        "this server was removed from its swarm, and serves no more; fsdfs start --new lets it join as a new one",
        {
          server: name,
        },
      );
    }
    await store.write((view) => view.put(REMOVED_KEY, utf8("1")));
    await store.flushed();
  }

  /** Has another server give up (X1), if it is empty or that does not matter. @throws RemoteError, NetworkError when it may not have */
  async askToGiveUp(link: Link, acceptLoss: boolean): Promise<void> {
    try {
      await link.call("leave", encodeJson({ acceptLoss }), LEAVE_TIMEOUT_MS);
    } catch (error) {
      const gaveUpBefore = error instanceof RemoteError && error.code === "server-removed";
      if (!gaveUpBefore) throw error;
    }
  }

  #look(): void {
    const { settings, self } = this.#parts;
    for (const link of this.#mesh?.links() ?? []) if (settings.removed.has(link.server)) link.close();
    if (settings.removed.has(self)) void this.giveUp().catch(() => undefined);
  }
}
