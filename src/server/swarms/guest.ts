/**
 * The guest's side of a merge (C11): a swarm with files joins another with files, its servers with all that lies on their
 * disks. In this order, each step durable before the next:
 *
 * J1. A setting says so, and from the transaction on in which a server learns of it, it takes no writes. Every server of
 *     the roster must be there: what one that is away took would not be offered. When the one that began it is gone before
 *     it came to J2, another ends the merge.
 * J2. When all know it, and the one that began has heard from all since, nothing can be missing from its catalog. It says
 *     so, and when all know that and nobody can end the merge any more (agreement.ts), its entries are offered to the host,
 *     in order; what was deleted here is not.
 * J3. When the host has them all, each server moves by itself, one after the other where W servers do not know them all yet
 *     (moving-turn.ts), in one transaction: the catalog gives way to the host's, as one below a floor does (C7); what lies on
 *     its disk stays, and is looked at once the host's catalog is here, with all that was offered. What lost against another
 *     file goes to the trash then.
 *
 * Until it has moved a server answers readers as before. Whoever stops, begins again where the host says it is.
 */
import { decodeContent } from "../../core/catalog/content.ts";
import { descendantsRange, entryKey, keyAfter, pathOfEntryKey } from "../../core/catalog/keys.ts";
import type { KeyValue } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { OfferVerdict } from "../../core/catalog/offers.ts";
import { decodeRegisters } from "../../core/catalog/rows.ts";
import type { SwarmId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { MergePlan, MergeState } from "../face.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import { CLOCK_SKEW_MAX_MS } from "../mesh/skews.ts";
import { isCarried } from "../operations/variables.ts";
import type { Parts } from "../parts.ts";
import type { RosterEntry } from "../settings.ts";
import { sleep } from "../timers.ts";
import { Agreement, HEARD_MS, isThere } from "./agreement.ts";
import type { HostHello, Joining, OfferedEntry, OfferPage, Taken, TakenAnswer } from "./messages.ts";
import { MovingTurn } from "./moving-turn.ts";

/** Entries in a page: the host writes them in one change, which is to take some milliseconds. */
const PAGE_ENTRIES = 100;
/** Rows that are looked at in one turn of the event loop. */
const STRETCH_ROWS = 500;
const CALL_TIMEOUT_MS = 15_000;
const LEVEL_WAIT_MS = 2500;
const POLL_MS = 100;
const RETRY_MS = 1000;
const IDLE_MS = 60_000;
const EXAMPLES_MAX = 20;

type GuestParts = Omit<Parts, "guest">;

export class Guest {
  readonly unit = new BackgroundUnit("join another swarm", () => this.#step());
  readonly #parts: GuestParts;
  readonly #agreement: Agreement;
  readonly #turn: MovingTurn;
  #beginning = false;

  constructor(parts: GuestParts) {
    this.#parts = parts;
    this.#agreement = new Agreement(parts);
    this.#turn = new MovingTurn(parts, (address) => this.#call<TakenAnswer>(address, "merge-status", {}));
    parts.settings.onChange(() => this.unit.wake());
  }

  /** What would become of this swarm's entries. Changes nothing. */
  async plan(address: string): Promise<MergePlan> {
    const host = await this.#meet(address);
    const verdicts = { taken: 0, same: 0, replaces: 0, kept: 0 };
    const examples: { path: string; verdict: OfferVerdict }[] = [];
    for (let after: string | null = null, last = false; !last; ) {
      const page: Page = await this.#page(after);
      const told = await this.#call<OfferVerdict[]>(address, "merge-judge", page.entries);
      for (const [i, verdict] of told.entries()) {
        verdicts[verdict] += 1;
        const { path } = page.entries[i]!;
        const isConflict = verdict === "replaces" || verdict === "kept";
        if (isConflict && examples.length < EXAMPLES_MAX) examples.push({ path, verdict });
      }
      after = page.entries.at(-1)?.path ?? after;
      last = page.last;
    }
    const { swarm, files, servers } = host;
    return { swarm, files, servers, ...verdicts, examples };
  }

  get state(): MergeState {
    const { identity, settings } = this.#parts;
    const joining = settings.joining;
    return { swarm: identity.swarm!, into: joining?.swarm ?? null, phase: joining?.phase ?? "none" };
  }

  /** Begins; what follows goes on by itself. @throws FsdfsError `merge-refused`, `clocks-differ`, … */
  async begin(address: string): Promise<MergeState> {
    const { settings, ports } = this.#parts;
    if (settings.joining?.phase === "offering") return this.state;
    const askedAt = ports.clock.monotonic();
    const host = await this.#meet(address);
    await this.#mustBeWhole();
    this.#beginning = true;
    try {
      const frozen = await this.#agreement.freeze(host.swarm, [...new Set([address, ...host.addresses])]);
      await this.#goOn(address, frozen, askedAt);
    } finally {
      this.#beginning = false;
    }
    this.unit.wake();
    return this.state;
  }

  async #goOn(address: string, frozen: Joining, askedAt: number): Promise<void> {
    try {
      await sleep(this.#parts.ports.clock, HEARD_MS, this.#parts.ending);
      await this.#mustBeWhole();
      await this.#call<Taken>(address, "merge-status", {});
      await this.#agreement.goOn(frozen, askedAt);
    } catch (error) {
      await this.#agreement.end(frozen);
      throw error;
    }
  }

  async #meet(address: string): Promise<HostHello> {
    const { ports, options } = this.#parts;
    const host = await this.#call<HostHello>(address, "merge-hello", {});
    const skewMs = host.wallMs - ports.clock.wall();
    if (Math.abs(skewMs) > CLOCK_SKEW_MAX_MS) {
      const [ahead, behind] = skewMs > 0 ? [address, options.name] : [options.name, address];
      throw new FsdfsError("clocks-differ", { ahead, behind, seconds: Math.round(Math.abs(skewMs) / 1000) });
    }
    if (this.state.phase !== "offering") await this.#mustBeNew(address);
    return host;
  }

  /** What a swarm took that was put back from before its merge would not be offered: the host has it all. */
  async #mustBeNew(address: string): Promise<void> {
    const { cursor, done } = await this.#call<Taken>(address, "merge-status", {});
    if (cursor === null && !done) return;
    const reason =
      "the other took this swarm in before, of which this is an old state; stop its servers, move their catalogs away, " +
      "start them with --join, and adopt what is on their disks";
    throw new FsdfsError("merge-refused", { reason });
  }

  /** J1. @throws FsdfsError `merge-refused`, `behind` */
  async #mustBeWhole(): Promise<void> {
    const { settings, catalog, readiness, ports, ending } = this.#parts;
    const isMissing = ({ id }: RosterEntry) => id !== catalog.self && !isThere(this.#parts, id);
    const missing = () => [...settings.roster.values()].filter(isMissing);
    const deadline = ports.clock.monotonic() + LEVEL_WAIT_MS;
    while (missing().length > 0 && ports.clock.monotonic() < deadline) await sleep(ports.clock, POLL_MS, ending);
    const names = missing().map(({ name }) => name);
    if (names.length > 0)
      throw new FsdfsError("merge-refused", { reason: `not up and level here: ${names.join(", ")}` });
    readiness.checkClock();
    if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
  }

  async #step(): Promise<NextStep> {
    const { settings, membership, readiness, mesh, catalog } = this.#parts;
    const joining = settings.joining;
    if (joining === undefined) return { restMs: IDLE_MS };
    if (!membership.isSettled || this.#beginning) return { restMs: RETRY_MS };
    if (joining.phase === "frozen") {
      if (joining.by === catalog.self)
        await this.#agreement.end(joining); // A crash came before anything was offered.
      else await this.#agreement.endAbandoned(joining);
      return { restMs: RETRY_MS };
    }
    const address = await this.#reachable(joining);
    if (address === undefined) return { restMs: RETRY_MS };
    const taken = await this.#call<Taken>(address, "merge-status", {});
    if (taken.done) {
      if (!(await this.#turn.isNow(joining))) return { restMs: RETRY_MS };
      await this.#move(joining);
    } else if (joining.by !== catalog.self && mesh.isUp(joining.by)) return { restMs: RETRY_MS };
    else if (readiness.isFresh && (taken.cursor !== null || (await this.#agreement.isMade(joining))))
      await this.#offer(address, taken.cursor);
    return { restMs: taken.done ? 0 : RETRY_MS };
  }

  async #reachable({ addresses, swarm }: Joining): Promise<string | undefined> {
    for (const address of addresses) {
      const host = await this.#call<HostHello>(address, "merge-hello", {}).catch(() => undefined);
      if (host?.swarm === swarm) return address;
    }
    return undefined;
  }

  /** J2. */
  async #offer(address: string, from: string | null): Promise<void> {
    const keys = [...this.#parts.settings.keys.values()].filter(({ revoked }) => !revoked);
    for (let taken: Taken = { cursor: from, done: false }; !taken.done; ) {
      const { entries, last } = await this.#page(taken.cursor);
      const page: OfferPage = { after: taken.cursor, entries, last, keys: last ? keys : [] };
      taken = await this.#call<Taken>(address, "merge-offer", page);
    }
  }

  /** A stretch of rows at a time: there may be any number of deleted ones between two entries. */
  async #page(after: string | null): Promise<Page> {
    const { catalog, ports, ending } = this.#parts;
    const { start, end } = descendantsRange("");
    const entries: OfferedEntry[] = [];
    let from = after === null ? start : keyAfter(entryKey(after as FilePath));
    for (let walked = STRETCH_ROWS; walked === STRETCH_ROWS; await sleep(ports.clock, 0, ending)) {
      walked = 0;
      for (const row of catalog.read().range({ start: from, end, limit: STRETCH_ROWS })) {
        const offered = this.#offered(row);
        if (offered !== undefined && entries.length === PAGE_ENTRIES) return { entries, last: false };
        if (offered !== undefined) entries.push(offered);
        from = keyAfter(row.key);
        walked += 1;
      }
    }
    return { entries, last: true };
  }

  /** Undefined where nothing is. */
  #offered({ key, value: row }: KeyValue): OfferedEntry | undefined {
    const registers = decodeRegisters(row);
    const written = registers.find(({ field }) => field === CONTENT_FIELD);
    const content = written && decodeContent(written.value);
    if (content === undefined || content.type === "deleted") return undefined;
    return {
      path: pathOfEntryKey(key),
      madeAt: this.#parts.settings.madeAt(content, written!.stamp),
      registers: registers.filter(isCarried).map(({ field, value }) => [field, Buffer.from(value).toString("base64")]),
    };
  }

  /** J3. */
  async #move({ swarm, addresses }: Joining): Promise<void> {
    this.#parts.ports.log.info("this server moves to another swarm, with its files", { swarm });
    await this.#parts.membership.moveTo(swarm as SwarmId, addresses);
  }

  async #call<T>(address: string, method: string, message: unknown): Promise<T> {
    checkAddress(address);
    return decodeJson<T>(await this.#parts.mesh.callForeign(address, method, encodeJson(message), CALL_TIMEOUT_MS));
  }
}

interface Page {
  readonly entries: readonly OfferedEntry[];
  readonly last: boolean;
}

function checkAddress(address: string): void {
  if (/^[^\s/]+:\d{1,5}$/.test(address)) return;
  throw new FsdfsError("argument-invalid", { name: "with", reason: "it must be HOST:PORT of a swarm port" });
}
