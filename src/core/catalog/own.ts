/** Records that this server writes itself: it numbers them inside the transaction (C3). */
import { logKey } from "./keys.ts";
import type { Bytes } from "./kv.ts";
import { merge } from "./merge.ts";
import type { CatalogTransaction } from "./transaction.ts";
import type { Origin, RegisterKey, Stamp } from "./types.ts";

export class OwnLog {
  readonly #transaction: CatalogTransaction;
  readonly #index: number;

  constructor(transaction: CatalogTransaction, origin: Origin) {
    this.#transaction = transaction;
    this.#index = transaction.origins.intern(origin);
  }

  /** The number of the last record. */
  get number(): number {
    return this.#transaction.origins.at(this.#index).contiguous;
  }

  /** Digest over the records up to the last. */
  get chain(): number {
    return this.#transaction.origins.at(this.#index).chain;
  }

  /** Writes a register under the next number. Answers whether the register says it now. */
  write(key: RegisterKey, stamp: Stamp | undefined, value: Bytes): boolean {
    const { origins, view } = this.#transaction;
    const row = origins.at(this.#index);
    const number = row.contiguous + 1;
    if (view.get(logKey(this.#index, number)) !== undefined) throw new Error(`record ${number} is written twice (C3)`);
    const chain = chainAfter(row.chain, number, value);
    origins.set(this.#index, { ...row, contiguous: number, seen: number, chain });
    const { server, incarnation } = row;
    return merge(this.#transaction, { key, stamp, value, origin: { server, incarnation }, number });
  }
}

/** FNV-1a over the previous digest, the number and the value: tells two histories of one incarnation apart (C6). */
function chainAfter(chain: number, number: number, value: Bytes): number {
  let hash = (0x811c9dc5 ^ chain) >>> 0;
  const mix = (byte: number) => {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  };
  for (let rest = number; rest > 0; rest = Math.floor(rest / 256)) mix(rest % 256);
  for (const byte of value) mix(byte);
  return hash;
}
