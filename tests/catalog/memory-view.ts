/** An ordered map as the catalog's rules want it, without transactions: for tests of the rules alone. */
import { SortedMap, type SortedMapImage } from "../../src/adapters/memory/sorted-map.ts";
import type { Bytes, KeyRange, KeyValue, WriteView } from "../../src/core/catalog/kv.ts";

export class MemoryView implements WriteView {
  readonly #pairs = new SortedMap();

  get(key: Bytes): Bytes | undefined {
    return this.#pairs.get(textOf(key))?.slice();
  }

  put(key: Bytes, value: Bytes): void {
    this.#pairs.put(textOf(key), value.slice());
  }

  remove(key: Bytes): void {
    this.#pairs.remove(textOf(key));
  }

  /** All of it as it is now, to go back to. */
  image(): SortedMapImage {
    return this.#pairs.image();
  }

  setTo(image: SortedMapImage): void {
    this.#pairs.setTo(image);
  }

  *range(range: KeyRange): Iterable<KeyValue> {
    if (range.reverse === true) throw new Error("no test needs a reverse range");
    const end = textOf(range.end);
    let from = textOf(range.start);
    for (let left = range.limit ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const pair = this.#pairs.atOrAfter(from);
      if (pair === undefined || pair[0] >= end) return;
      yield { key: new Uint8Array(Buffer.from(pair[0], "latin1")), value: pair[1].slice() };
      from = `${pair[0]}\0`;
    }
  }
}

function textOf(key: Bytes): string {
  return Buffer.from(key).toString("latin1");
}
