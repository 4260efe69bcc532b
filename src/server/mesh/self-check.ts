/**
 * Compares this catalog with others', range by range and without hurry, and takes in what differs (C5). Records that
 * were lost to a bug or a bad disk come back; nothing is ever taken away by it.
 */
import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { encodeBatch } from "../../core/catalog/batch.ts";
import {
  digestRange,
  type RangeDigest,
  recordsInRange,
  SHARED_TABLES,
  type SharedTable,
  sharedRange,
} from "../../core/catalog/digest.ts";
import { keyAfter } from "../../core/catalog/keys.ts";
import type { Bytes, KeyRange } from "../../core/catalog/kv.ts";
import type { Origin } from "../../core/catalog/types.ts";
import type { Log } from "../../ports/log.ts";
import type { OutgoingResponse } from "../../ports/network.ts";
import type { Random } from "../../ports/random.ts";
import { BackgroundUnit, type NextStep } from "../background.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Claims } from "./claims.ts";
import type { Intake } from "./intake.ts";
import type { Membership } from "./membership.ts";
import type { Mesh, ServerRequest } from "./mesh.ts";

/** Rows compared in one call: some 2 ms of work on either side. */
const ROWS = 300;
/** A million files (two million rows) are gone through in some six hours, at well under 1% of a core. */
const REST_MS = 3000;
const TIMEOUT_MS = 10_000;

interface Position {
  readonly table: SharedTable;
  readonly start: Bytes;
}

export class SelfCheck {
  readonly unit: BackgroundUnit;
  readonly #catalog: Catalog;
  readonly #mesh: Mesh;
  readonly #membership: Membership;
  readonly #claims: Claims;
  readonly #random: Random;
  readonly #intake: Intake;
  readonly #log: Log;
  #position: Position | undefined;

  constructor(
    catalog: Catalog,
    mesh: Mesh,
    membership: Membership,
    intake: Intake,
    claims: Claims,
    random: Random,
    log: Log,
  ) {
    this.#intake = intake;
    this.#claims = claims;
    this.#catalog = catalog;
    this.#mesh = mesh;
    this.#membership = membership;
    this.#random = random;
    this.#log = log;
    this.unit = new BackgroundUnit("check catalog", () => this.#step());
    mesh.handle("compare", (request) => this.#compare(request));
  }

  async #step(): Promise<NextStep> {
    const links = this.#mesh.upLinks().filter(({ server, report }) => !report.behind && !this.#claims.isBelow(server));
    const link = links[Math.floor(this.#random.fraction() * links.length)];
    if (link === undefined || this.#membership.isBehind) return { restMs: REST_MS };
    const { table, start } = this.#position ?? { table: SHARED_TABLES[0], start: sharedRange(SHARED_TABLES[0]).start };
    const range = { start, end: sharedRange(table).end };
    const own = digestRange(this.#catalog.read(), table, range, ROWS, this.#originAt);
    const compared: KeyRange = { start, end: own.last === undefined ? range.end : keyAfter(own.last) };
    this.#position = next(table, compared.end, own.last === undefined); // Whatever comes of this: it is met again.
    const answer = await link.call("compare", encodeQuestion(table, compared, own), TIMEOUT_MS);
    if (answer.length > 0) await this.#takeIn(answer, table, compared, own.digest);
    return { restMs: REST_MS };
  }

  async #takeIn(answer: Bytes, table: SharedTable, range: KeyRange, before: number): Promise<void> {
    await this.#intake.compared(answer);
    const after = digestRange(this.#catalog.read(), table, range, Number.MAX_SAFE_INTEGER, this.#originAt);
    if (after.digest !== before) this.#log.info("the catalog took in records that it lacked", { table });
  }

  /** Answers with this server's records of the range when they say something else; with nothing when all is alike. */
  async #compare({ message }: ServerRequest): Promise<OutgoingResponse> {
    const { table, range, digest } = decodeQuestion(message);
    const view = this.#catalog.read();
    const own = digestRange(view, table, range, ROWS * 4, this.#originAt);
    if (own.digest === digest) return { head: new Uint8Array() };
    const end = own.last === undefined ? range.end : keyAfter(own.last);
    const records = recordsInRange(view, table, { start: range.start, end }, this.#originAt);
    await this.#catalog.flushed();
    return { head: encodeBatch({ records, announcements: [] }) };
  }

  readonly #originAt = (index: number): Origin => this.#catalog.originAt(index);
}

function next(table: SharedTable, end: Bytes, tableEnded: boolean): Position | undefined {
  if (!tableEnded) return { table, start: end };
  const following = SHARED_TABLES[SHARED_TABLES.indexOf(table) + 1];
  return following === undefined ? undefined : { table: following, start: sharedRange(following).start };
}

function encodeQuestion(table: SharedTable, range: KeyRange, { digest }: RangeDigest): Bytes {
  return new ByteWriter(256).text(table).bytes(range.start).bytes(range.end).uint(digest, 4).finish();
}

function decodeQuestion(message: Bytes): { table: SharedTable; range: KeyRange; digest: number } {
  const reader = new ByteReader(message);
  const name = reader.text();
  const table = SHARED_TABLES.find((shared) => shared === name);
  if (table === undefined) throw new RangeError("that table is not compared");
  return { table, range: { start: reader.bytes(), end: reader.bytes() }, digest: reader.uint(4) };
}
