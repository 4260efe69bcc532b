/**
 * Taking in the records that others send. One that has a path which is none, or says what cannot be read, is left out and
 * logged; the others of its batch are merged, and its number counts as known, so that one bad record stops no sync (S7, C3).
 */
import { isDamage } from "../../core/bytes.ts";
import { type Batch, decodeBatch } from "../../core/catalog/batch.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { originName } from "../../core/catalog/origins.ts";
import { contradicts, separate } from "../../core/catalog/soundness.ts";
import type { CatalogRecord, Origin } from "../../core/catalog/types.ts";
import type { Log } from "../../ports/log.ts";
import type { Catalog } from "../catalog/catalog.ts";

/** Of rejected records that are remembered, so that each is logged once. */
const REMEMBERED_MAX = 1000;
/** Of a path in the log; it may be anything. */
const SHOWN_LENGTH_MAX = 100;

const UNREADABLE = "a record of another server cannot be read and is left out";
const CONTRADICTING = "another server says something else of the same write: its catalog or this one is damaged";

export interface Taken {
  /** Of every record that came, and whose it was. */
  readonly numbers: readonly { readonly origin: Origin; readonly number: number }[];
  readonly announced: readonly Origin[];
}

export class Intake {
  readonly #catalog: Catalog;
  readonly #log: Log;
  readonly #rejected = new Set<string>();
  /** What was told last of a row that cannot be read. */
  #damage: string | undefined;

  constructor(catalog: Catalog, log: Log) {
    this.#catalog = catalog;
    this.#log = log;
  }

  /**
   * Merges a batch as it came. Resolves when it is durable.
   * @param options.generation the catalog's when the batch was asked for; @param options.came called before merging
   * @throws RangeError when the bytes are no batch
   */
  async take(message: Bytes, options: { generation?: number; came?: (taken: Taken) => void } = {}): Promise<void> {
    const { records, announcements } = decodeBatch(message);
    const taken: Taken = { numbers: records, announced: announcements.map(({ origin }) => origin) };
    options.came?.(taken);
    const { sound, unsound } = separate(records);
    for (const record of unsound) this.#reject(record, UNREADABLE);
    await this.#merge({ records: sound, announcements }, options.generation);
  }

  /** What a comparison shows (C5): nothing is announced, and what contradicts this catalog is left out and logged. */
  async compared(message: Bytes): Promise<void> {
    const { records } = decodeBatch(message);
    const { sound, unsound } = separate(records);
    for (const record of unsound) this.#reject(record, UNREADABLE);
    const view = this.#catalog.read();
    const [contradicting, fitting] = [true, false].map((is) => sound.filter((each) => contradicts(view, each) === is));
    for (const record of contradicting!) this.#reject(record, CONTRADICTING);
    await this.#merge({ records: fitting!, announcements: [] });
  }

  /** Nothing is left out then: this server would be told that it knows what it does not, and show what was before. */
  async #merge(batch: Batch, generation?: number): Promise<void> {
    try {
      await this.#catalog.apply(batch, generation);
    } catch (error) {
      if (isDamage(error)) this.damaged(error);
      throw error;
    }
  }

  /** A row of this catalog cannot be read: what it says cannot be told, and what is said of it not taken in. */
  damaged(error: unknown): void {
    if (String(error) === this.#damage) return;
    this.#damage = String(error);
    // As `catalog-unreadable` says.
    const message = "a row of this catalog is damaged: should it stay so, stop this server and move the catalog away";
    this.#log.error(message, { unit: "records", error: this.#damage });
  }

  #reject({ key, origin, number }: CatalogRecord, why: string): void {
    const name = `${originName(origin)} ${number}`;
    if (this.#rejected.has(name)) return;
    if (this.#rejected.size >= REMEMBERED_MAX) this.#rejected.clear();
    this.#rejected.add(name);
    const path = key.kind === "path" ? key.path.slice(0, SHOWN_LENGTH_MAX) : "";
    this.#log.error(why, { server: origin.server, number, path });
  }
}
