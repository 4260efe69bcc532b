/**
 * Dropping by promise (D1 to D4): a copy is given up only when enough other holders have checked theirs on their disks
 * and promised not to be dropping them.
 *
 * D3 is kept by `#asking`: a version stays in it from before the first question until its file is known to be in the
 * trash or known to stay; while it is there, this server promises nothing about it, unless it can still step back.
 */
import { hex } from "../../core/bytes.ts";
import { readCopy } from "../../core/catalog/copies.ts";
import { targetOf } from "../../core/catalog/surplus.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import { rendezvousWeight } from "../../core/rendezvous.ts";
import { type CopyTarget, promisesWanted } from "../../core/replication/making-room.ts";
import { FileStoreError } from "../../ports/file-store.ts";
import type { Random } from "../../ports/random.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Directives } from "../control/directives.ts";
import type { Link } from "../mesh/link.ts";
import type { Membership } from "../mesh/membership.ts";
import type { Mesh, ServerRequest } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Settings } from "../settings.ts";
import type { Copies } from "../storage/copies.ts";
import type { Settler } from "../storage/settle.ts";
import type { Sources } from "./sources.ts";

const PROMISE_TIMEOUT_MS = 5000;
const STEPPED_BACK = "another server is giving up its copy";

export interface DroppingParts {
  readonly catalog: Catalog;
  readonly settings: Settings;
  readonly mesh: Mesh;
  readonly membership: Membership;
  readonly copies: Copies;
  readonly settler: Settler;
  readonly sources: Sources;
  readonly random: Random;
  readonly directives: Directives;
}

interface PromiseRequest {
  readonly version: VersionId;
  readonly nonce: string;
}

interface PromiseAnswer {
  readonly promised: boolean;
  readonly nonce: string;
}

/** A drop under way: "asking" can still be cancelled, "dropping" cannot. */
type Attempt = { state: "asking" | "cancelled" | "dropping" };

/** What enough others have promised about. Until one of the two is called, this server promises nothing about it (D3). */
export interface PromisedDrop {
  /** Gives up the copy. Answers the reason when it stays. */
  drop(): Promise<string | undefined>;
  keep(): void;
}

export class Dropping {
  readonly #parts: DroppingParts;
  readonly #asking = new Map<VersionId, Attempt>();

  constructor(parts: DroppingParts) {
    this.#parts = parts;
    parts.mesh.handle("promise", (request) => this.#answer(request));
  }

  /** Whether this server is about to give up its copy of a version. */
  isAsking(version: VersionId): boolean {
    return this.#asking.has(version);
  }

  /** Gives up this server's copy, for no other file unless said otherwise. Answers the reason when it stays. */
  async drop(
    version: VersionId,
    promises = promisesWanted(this.target(version), undefined),
  ): Promise<string | undefined> {
    const asked = await this.ask(version, promises);
    return typeof asked === "string" ? asked : await asked.drop();
  }

  /** Asks the other holders for so many promises (D1). Answers the reason when they do not come. */
  async ask(version: VersionId, promises: number): Promise<PromisedDrop | string> {
    if (this.#asking.has(version)) return "it is being dropped already";
    if (!this.#parts.copies.has(version)) return "this server has no copy of it";
    if (this.#parts.membership.isBehind) return "this server is behind"; // C10
    const attempt: Attempt = { state: "asking" };
    this.#asking.set(version, attempt);
    const keep = () => {
      if (this.#asking.get(version) === attempt) this.#asking.delete(version);
    };
    try {
      const promisers = await this.#ask(version);
      if (attempt.state !== "cancelled" && promisers.size >= promises) {
        const stillStands = () =>
          this.#countStanding(version, promisers) >= Math.max(promises, this.target(version).safe);
        return { drop: () => this.#drop(version, attempt, keep, stillStands), keep };
      }
      keep();
      if (attempt.state === "cancelled") return STEPPED_BACK;
      return `${promisers.size} other servers promise to keep theirs, and it takes ${promises}`;
    } catch (error) {
      keep();
      throw error;
    }
  }

  /** N and min(W, N) of a version. */
  target(version: VersionId): CopyTarget {
    const { catalog, settings } = this.#parts;
    const view = catalog.read();
    const row = readVersionRow(view, version);
    return { target: targetOf(view, row, catalog.context), safe: settings.safeCopies(view, row) };
  }

  async #drop(
    version: VersionId,
    attempt: Attempt,
    keep: () => void,
    stillStands: () => boolean,
  ): Promise<string | undefined> {
    try {
      if (attempt.state === "cancelled") return STEPPED_BACK;
      attempt.state = "dropping";
      return (await this.#retire(version, stillStands)) ? undefined : "it has changed meanwhile";
    } catch (error) {
      if (error instanceof FileStoreError) return `the disk does not let go of it: ${error.code}`; // Another may go (R2).
      throw error;
    } finally {
      keep();
    }
  }

  /** The servers that promise to keep theirs. */
  async #ask(version: VersionId): Promise<ReadonlySet<ServerId>> {
    const nonce = hex(this.#parts.random.bytes(8));
    const promisers = new Set<ServerId>();
    const ask = async (link: Link) => {
      if (await this.#askOne(link, version, nonce)) promisers.add(link.server);
    };
    await Promise.all(this.#parts.sources.upHolders(version).map(ask));
    return promisers;
  }

  /**
   * Promises that still count, some time having gone by: this server stood still, or waited for its disk. Who gave one may have
   * lost its copy since, or is drained now, and N or W may be higher.
   */
  #countStanding(version: VersionId, promisers: ReadonlySet<ServerId>): number {
    const { membership, sources, directives } = this.#parts;
    if (membership.isBehind) return 0;
    const stands = (server: ServerId) => promisers.has(server) && !directives.isDraining(server);
    return sources.upHolders(version).filter(({ server }) => stands(server)).length;
  }

  async #askOne(link: Link, version: VersionId, nonce: string): Promise<boolean> {
    try {
      const request: PromiseRequest = { version, nonce };
      const answer = await link.call("promise", encodeJson(request), PROMISE_TIMEOUT_MS);
      const { promised, nonce: returned } = decodeJson<PromiseAnswer>(answer);
      return promised && returned === nonce;
    } catch {
      return false;
    }
  }

  /** D2, D3. */
  async #answer({ from, message }: ServerRequest) {
    const { membership, copies, directives } = this.#parts;
    const { version, nonce } = decodeJson<PromiseRequest>(message);
    const mayPromise = !membership.isBehind && !directives.isDrainingHere;
    const isSound = mayPromise && (await copies.check(version));
    // It may have been dropped while it was looked at.
    const promised = isSound && copies.has(version) && this.#stepsBack(version, from);
    return { head: encodeJson({ promised, nonce } satisfies PromiseAnswer) };
  }

  /** Of two askers the lower by rendezvous cancels and promises, as long as it has not begun to drop. */
  #stepsBack(version: VersionId, asker: ServerId): boolean {
    const attempt = this.#asking.get(version);
    if (attempt === undefined || attempt.state === "cancelled") return true;
    if (attempt.state === "dropping") return false;
    if (rendezvousWeight(version, this.#parts.catalog.self) > rendezvousWeight(version, asker)) return false;
    attempt.state = "cancelled";
    return true;
  }

  /** D4: to the trash, and the withdrawal durable, before anything else is said. */
  async #retire(version: VersionId, stillStands: () => boolean): Promise<boolean> {
    const copy = readCopy(this.#parts.catalog.read(), version);
    if (copy === undefined || this.#parts.mesh.links().length === 0) return false;
    return await this.#parts.settler.withPaths([copy.path], async () => {
      const now = readCopy(this.#parts.catalog.read(), version);
      if (now?.location !== copy.location || now.staged !== undefined || !stillStands()) return false;
      if (!(await this.#parts.settler.retire(version, now, "dropped"))) return false;
      await this.#parts.catalog.flushed();
      return true;
    });
  }
}
