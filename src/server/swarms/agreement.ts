/**
 * Whether a merge that was begun ends or goes on, as the guest's servers agree on it (J1, J2 in guest.ts). It is "frozen"
 * first. The server that began it then writes "offering"; it, or another when that one is gone, may write the end instead.
 * Either may be cut off from the others, so that one does not know of the other. Therefore
 *
 * - who has learned of "offering" never ends the merge;
 * - nothing is offered before each server of the roster says that it has this very "offering": then nobody is left who
 *   could end it, and an end that was written elsewhere meanwhile has lost against it;
 * - and before it has been heard from each since: what was written between such an end and "offering" is here then.
 */
import { utf8 } from "../../core/bytes.ts";
import type { ServerId, SwarmId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Parts } from "../parts.ts";
import { sleep } from "../timers.ts";
import { checkNotJoining, JOINING_SETTING, type Joining, readJoining } from "./messages.ts";

const CALL_TIMEOUT_MS = 5000;
/** Longer than an answer to a heartbeat counts, so that every one of them was given since (F2 of liveness.ts). */
export const HEARD_MS = 2000;
/** A restart, or a cable that is plugged in again, is over by then; and the merge can be begun again. */
const BEGINNER_GONE_MS = 60_000;

type AgreementParts = Omit<Parts, "guest">;

export class Agreement {
  readonly #parts: AgreementParts;
  /** Since when the server that began is not up, as this one sees it. */
  #gone: { readonly joining: Joining; readonly since: number } | undefined;

  constructor(parts: AgreementParts) {
    this.#parts = parts;
    parts.mesh.handle("merge-joining", async () => {
      const joining = readJoining(parts.catalog.read()) ?? null;
      await parts.catalog.flushed();
      return { head: encodeJson(joining) };
    });
  }

  /** From now on the swarm takes no writes. @throws FsdfsError `merging` when it does not already */
  async freeze(swarm: SwarmId, addresses: readonly string[]): Promise<Joining> {
    const { catalog } = this.#parts;
    const { joining, number } = await catalog.change((change) => {
      checkNotJoining(change.view);
      const frozen: Joining = { swarm, addresses, by: catalog.self, begun: change.now(), phase: "frozen" };
      change.writeSetting(JOINING_SETTING, utf8(JSON.stringify(frozen)));
      return { joining: frozen, number: change.number };
    });
    await this.#known(number);
    return joining;
  }

  /** By who has frozen it. @throws FsdfsError `merge-refused` when it was ended, `behind` after a standstill since `askedAt` */
  async goOn(frozen: Joining, askedAt: number): Promise<void> {
    const { membership } = this.#parts;
    const isWritten = await this.#replace(frozen, { ...frozen, phase: "offering" }, () => {
      if (membership.stoodStillSince(askedAt)) throw new FsdfsError("behind");
    });
    if (!isWritten) throw new FsdfsError("merge-refused", { reason: "it was ended by another server" });
  }

  /** Nothing happens when it was ended, or goes on, as far as this server knows. */
  async end(frozen: Joining): Promise<void> {
    await this.#replace(frozen, null);
  }

  /** Ends a merge whose beginner has not been up for long. */
  async endAbandoned(frozen: Joining): Promise<void> {
    const { mesh, membership, ports, readiness } = this.#parts;
    const now = ports.clock.monotonic();
    const last = this.#gone;
    const isKnown = last !== undefined && isSame(last.joining, frozen) && !membership.stoodStillSince(last.since);
    if (mesh.isUp(frozen.by)) this.#gone = undefined;
    else if (!isKnown) this.#gone = { joining: frozen, since: now };
    else if (now - last.since >= BEGINNER_GONE_MS && readiness.isFresh) {
      ports.log.warn("the server that began a merge is gone before anything was offered; the merge is ended");
      await this.end(frozen);
    }
  }

  /** Whether nobody can end it any more, and all that was written before is here. */
  async isMade(offering: Joining): Promise<boolean> {
    const { settings, ports, ending, readiness } = this.#parts;
    const asked = this.#others(offering);
    const answers = await Promise.all(asked.map((server) => this.#joiningOf(server)));
    if (!answers.every((answer) => isSame(answer, offering))) return false;
    await sleep(ports.clock, HEARD_MS, ending);
    if (!(await readiness.becomesFresh()) || !isSame(settings.joining, offering)) return false;
    const now = this.#others(offering);
    return now.every((server) => asked.includes(server) && isThere(this.#parts, server));
  }

  /** The roster but for this server and the one that began, which wrote what is asked for. */
  #others({ by }: Joining): ServerId[] {
    const { settings, catalog } = this.#parts;
    return [...settings.roster.keys()].filter((server) => server !== catalog.self && server !== by);
  }

  async #joiningOf(server: ServerId): Promise<Joining | null> {
    const link = this.#parts.mesh.link(server);
    const answer = await link?.call("merge-joining", encodeJson({}), CALL_TIMEOUT_MS).catch(() => undefined);
    return answer === undefined ? null : decodeJson<Joining | null>(answer);
  }

  async #replace(frozen: Joining, next: Joining | null, check: () => void = () => {}): Promise<boolean> {
    const number = await this.#parts.catalog.change((change) => {
      if (!isSame(readJoining(change.view), frozen)) return undefined;
      check();
      change.writeSetting(JOINING_SETTING, utf8(JSON.stringify(next)));
      return change.number;
    });
    if (number === undefined) return false;
    await this.#known(number);
    return true;
  }

  async #known(number: number): Promise<void> {
    await this.#parts.catalog.flushed();
    await this.#parts.readiness.known(number);
  }
}

/** Whether a server is up, and knows what those it met knew (C10). */
export function isThere({ mesh }: AgreementParts, server: ServerId): boolean {
  return mesh.isUp(server) && mesh.link(server)?.report.behind === false;
}

function isSame(a: Joining | null | undefined, b: Joining): boolean {
  return a?.by === b.by && a.begun === b.begun && a.phase === b.phase;
}
