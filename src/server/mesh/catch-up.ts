/**
 * Records of servers that are not there to push them themselves: what another server knows of such an origin, and this
 * one does not, is asked for, one batch at a time (C3). Origins whose server is linked come by its own push; they are
 * asked for only when that stands still.
 */
import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { type Batch, encodeBatch } from "../../core/catalog/batch.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import type { Origin } from "../../core/catalog/types.ts";
import { type HybridTime, SERVER_ID_BYTES, type ServerId } from "../../core/ids.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { OutgoingResponse } from "../../ports/network.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Claims } from "./claims.ts";
import type { Intake, Taken } from "./intake.ts";
import type { Link } from "./link.ts";
import type { Mesh, ServerRequest } from "./mesh.ts";

/** In one answer; see PUSH_RECORDS in link.ts. */
const RECORDS = 200;
const TIMEOUT_MS = 30_000;
const REST_MS = 500;
/** A push that has moved nothing for so long is not waited for. */
const STANDSTILL_MS = 2000;

interface Lag {
  readonly known: number;
  readonly since: number;
}

export class CatchUp {
  readonly unit: BackgroundUnit;
  readonly #clock: Clock;
  readonly #catalog: Catalog;
  readonly #mesh: Mesh;
  readonly #intake: Intake;
  readonly #claims: Claims;
  readonly #lags = new Map<string, Lag>();

  constructor(clock: Clock, catalog: Catalog, mesh: Mesh, intake: Intake, claims: Claims) {
    this.#claims = claims;
    this.#clock = clock;
    this.#catalog = catalog;
    this.#mesh = mesh;
    this.#intake = intake;
    this.unit = new BackgroundUnit("catch up", () => this.#step());
    mesh.handle("records", (request) => this.#takeRecords(request));
    mesh.handle("catch-up", (request) => this.#giveRecords(request));
  }

  async #step(): Promise<NextStep> {
    const failures: unknown[] = [];
    for (const { origin, links } of this.#missing()) {
      await this.#fetchFromAny(origin, links).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0]; // The others have been asked for all the same.
    return { restMs: REST_MS };
  }

  /** Origins that lag behind what linked servers know, and will not come by themselves; who knows most of each first. */
  #missing(): { origin: Origin; links: Link[] }[] {
    const now = this.#clock.monotonic();
    const own = this.#ownTails();
    const known = new Map<string, { origin: Origin; links: Link[] }>();
    for (const link of this.#mesh.links()) {
      if (this.#claims.isBelow(link.server)) continue;
      for (const origin of link.knownOrigins()) {
        const name = originName(origin);
        const number = link.knownNumber(name);
        const tail = link.tailOf(name);
        const hasMore = number > this.#catalog.knownNumber(name) || (tail !== 0 && tail !== own.get(name));
        if (!hasMore || this.#isCurrent(origin)) continue;
        const links = known.get(name)?.links ?? [];
        known.set(name, { origin, links: [...links, link] });
      }
    }
    for (const name of this.#lags.keys()) if (!known.has(name)) this.#lags.delete(name);
    const missing = [...known].filter(([name, { origin }]) => this.#isStuck(name, origin, now));
    return missing.map(([name, { origin, links }]) => {
      return { origin, links: links.sort((a, b) => b.knownNumber(name) - a.knownNumber(name)) };
    });
  }

  /**
   * One that is slow, or cannot read all that it has, keeps nothing from coming that another has as well; and what nobody
   * can read keeps nothing from coming that lies behind it.
   */
  async #fetchFromAny(origin: Origin, links: readonly Link[]): Promise<void> {
    let failure: unknown;
    for (const readable of [false, true]) {
      for (const link of links) {
        try {
          return await this.#fetch(origin, link, readable);
        } catch (error) {
          failure = error;
        }
      }
    }
    throw failure;
  }

  #ownTails(): Map<string, number> {
    const tails = [...this.#catalog.origins()].map(
      ([index, row]) => [originName(row), this.#catalog.tailOf(index)] as const,
    );
    return new Map(tails);
  }

  #isCurrent(origin: Origin): boolean {
    const own = this.#catalog.origin;
    return own !== undefined && originName(own) === originName(origin);
  }

  #isStuck(name: string, origin: Origin, now: number): boolean {
    const known = this.#catalog.knownNumber(name);
    const lag = this.#lags.get(name);
    if (lag === undefined || lag.known !== known) {
      this.#lags.set(name, { known, since: now });
      return this.#mesh.link(origin.server) === undefined;
    }
    return this.#mesh.link(origin.server) === undefined || now - lag.since > STANDSTILL_MS;
  }

  /** The next batch is asked for while this one is taken in; they are taken in one after the other, for C3's sake. */
  async #fetch(origin: Origin, link: Link, readable: boolean): Promise<void> {
    const { generation } = this.#catalog;
    const complete = link.knownNumber(originName(origin));
    const ask = (after: number) => {
      const answer = link.call("catch-up", encodeRequest({ origin, after, complete, readable }), TIMEOUT_MS);
      answer.catch(() => undefined); // It is awaited below, unless the batch before it fails first.
      return answer;
    };
    const asked = [ask(this.#catalog.knownNumber(originName(origin)))];
    for (let answer = asked.pop(); answer !== undefined; answer = asked.pop()) {
      const came = ({ numbers, announced }: Taken) => {
        const own = numbers.filter((record) => isSame(record.origin, origin)).map(({ number }) => number);
        if (announced.length === 0 && own.length > 0) asked.push(ask(Math.max(...own)));
      };
      await this.#intake.take(await answer, { generation, came });
    }
  }

  async #takeRecords({ from, message }: ServerRequest): Promise<OutgoingResponse> {
    // It may have taken over floors since it said what it knows; then it is to say so.
    if (this.#claims.isBelow(from)) throw new FsdfsError("server-unmet");
    const came = ({ numbers, announced }: Taken) => {
      const origins = new Set([...numbers.map(({ origin }) => origin), ...announced]);
      for (const origin of origins) this.#noteProgress(originName(origin));
    };
    await this.#intake.take(message, { came });
    return { head: new Uint8Array() };
  }

  #noteProgress(name: string): void {
    const lag = this.#lags.get(name);
    if (lag !== undefined) this.#lags.set(name, { ...lag, since: this.#clock.monotonic() });
  }

  async #giveRecords({ message }: ServerRequest): Promise<OutgoingResponse> {
    const { origin, after, complete, readable } = decodeRequest(message);
    for (const [index, row] of this.#catalog.origins()) {
      if (originName(row) !== originName(origin)) continue;
      const walk = await this.#catalog.walk(index, after, RECORDS, complete);
      for (const error of walk.unreadable) this.#intake.damaged(error);
      if (walk.unreadable.length > 0 && !readable) throw walk.unreadable[0];
      const announcements = walk.announce === undefined ? [] : [walk.announce];
      return { head: encodeBatch({ records: walk.records, announcements } satisfies Batch) };
    }
    return { head: encodeBatch({ records: [], announcements: [] }) };
  }
}

function isSame(a: Origin, b: Origin): boolean {
  return a.server === b.server && a.incarnation === b.incarnation;
}

interface RecordsRequest {
  readonly origin: Origin;
  readonly after: number;
  /** What the one that is asked has said to know of the origin, before the first batch was asked for. */
  readonly complete: number;
  /** What can be read is wanted though something cannot. */
  readonly readable: boolean;
}

function encodeRequest({ origin, after, complete, readable }: RecordsRequest): Bytes {
  const writer = new ByteWriter(32).hex(origin.server).uint(origin.incarnation, 7).varint(after).varint(complete);
  return writer.u8(readable ? 1 : 0).finish();
}

function decodeRequest(message: Bytes): RecordsRequest {
  const reader = new ByteReader(message);
  const server = reader.hex(SERVER_ID_BYTES) as ServerId;
  const incarnation = reader.uint(7) as HybridTime;
  const [after, complete] = [reader.varint(), reader.varint()];
  return { origin: { server, incarnation }, after, complete, readable: !reader.done && reader.u8() === 1 };
}
