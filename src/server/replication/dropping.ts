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

export class Dropping {
  readonly #catalog: Catalog;
  readonly #settings: Settings;
  readonly #mesh: Mesh;
  readonly #membership: Membership;
  readonly #copies: Copies;
  readonly #settler: Settler;
  readonly #sources: Sources;
  readonly #random: Random;
  readonly #directives: Directives;
  readonly #asking = new Map<VersionId, Attempt>();

  constructor(
    catalog: Catalog,
    settings: Settings,
    mesh: Mesh,
    membership: Membership,
    copies: Copies,
    settler: Settler,
    sources: Sources,
    random: Random,
    directives: Directives,
  ) {
    this.#catalog = catalog;
    this.#settings = settings;
    this.#mesh = mesh;
    this.#membership = membership;
    this.#copies = copies;
    this.#settler = settler;
    this.#sources = sources;
    this.#random = random;
    this.#directives = directives;
    mesh.handle("promise", (request) => this.#answer(request));
  }

  /** Gives up this server's copy for no other file. Answers the reason when it stays. */
  async drop(version: VersionId): Promise<string | undefined> {
    if (this.#asking.has(version)) return "it is being dropped already";
    if (!this.#copies.has(version)) return "this server has no copy of it";
    const attempt: Attempt = { state: "asking" };
    this.#asking.set(version, attempt);
    try {
      const wanted = this.#promisesWanted(version);
      const promises = await this.#ask(version);
      if (attempt.state === "cancelled") return "another server is giving up its copy";
      if (promises < wanted) return `${promises} other servers promise to keep theirs, and it takes ${wanted}`;
      attempt.state = "dropping";
      return (await this.#retire(version)) ? undefined : "it has changed meanwhile";
    } finally {
      this.#asking.delete(version);
    }
  }

  /** D1, for no other file: as many promises as the file should have copies. */
  #promisesWanted(version: VersionId): number {
    const view = this.#catalog.read();
    const row = readVersionRow(view, version);
    return Math.max(1, this.#settings.safeCopies(view, row), targetOf(view, row, this.#catalog.context));
  }

  async #ask(version: VersionId): Promise<number> {
    const nonce = hex(this.#random.bytes(8));
    const answers = await Promise.all(
      this.#sources.upHolders(version).map((link) => this.#askOne(link, version, nonce)),
    );
    return answers.filter(Boolean).length;
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
    const { version, nonce } = decodeJson<PromiseRequest>(message);
    const mayPromise = !this.#membership.isBehind && !this.#directives.isDrainingHere;
    const promised = mayPromise && (await this.#copies.check(version)) && this.#stepsBack(version, from);
    return { head: encodeJson({ promised, nonce } satisfies PromiseAnswer) };
  }

  /** Of two askers the lower by rendezvous cancels and promises, as long as it has not begun to drop. */
  #stepsBack(version: VersionId, asker: ServerId): boolean {
    const attempt = this.#asking.get(version);
    if (attempt === undefined || attempt.state === "cancelled") return true;
    if (attempt.state === "dropping") return false;
    if (rendezvousWeight(version, this.#catalog.self) > rendezvousWeight(version, asker)) return false;
    attempt.state = "cancelled";
    return true;
  }

  /** D4: to the trash, and the withdrawal durable, before anything else is said. */
  async #retire(version: VersionId): Promise<boolean> {
    const copy = readCopy(this.#catalog.read(), version);
    if (copy === undefined || this.#mesh.links().length === 0) return false;
    return await this.#settler.withPaths([copy.path], async () => {
      const now = readCopy(this.#catalog.read(), version);
      if (now?.location !== copy.location || now.staged !== undefined) return false;
      await this.#settler.retire(version, now, "dropped");
      await this.#catalog.flushed();
      return true;
    });
  }
}
