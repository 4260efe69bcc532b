/** What clients were told while they wrote, and what may therefore be at each path. */
import type { Client } from "../../src/client/client.ts";
import { FsdfsError } from "../../src/errors.ts";
import { sha256Of } from "./disk-tree.ts";

interface Written {
  /** The last content that was acknowledged. */
  acknowledged: string | undefined;
  /** Digests of what was put since without an answer: done or not. */
  readonly unanswered: Set<string>;
  round: number;
}

/** Digests by path. Each path has one writer, so that its acknowledgements have an order. */
export class History {
  readonly #paths = new Map<string, Written>();
  acknowledged = 0;
  unanswered = 0;

  async put(client: Client, path: string, content: Uint8Array, round: number): Promise<void> {
    const written = this.#paths.get(path) ?? { acknowledged: undefined, unanswered: new Set(), round };
    this.#paths.set(path, written);
    written.round = round;
    const sha256 = sha256Of(content);
    written.unanswered.add(sha256);
    try {
      const put = await client.put(path, { sizeBytes: content.length, open: () => inChunks(content) });
      if (put.sha256 !== sha256) throw new Error(`${path}: another digest came back than was sent`);
      written.acknowledged = sha256;
      written.unanswered.clear();
      this.acknowledged++;
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
      this.unanswered++;
    }
  }

  /** Paths that were written in a round. */
  of(round: number): string[] {
    return [...this.#paths].filter(([, written]) => written.round === round).map(([path]) => path);
  }

  isAcknowledged(path: string): boolean {
    return this.#paths.get(path)?.acknowledged !== undefined;
  }

  /** What must not be there, of what is there: undefined stands for no file. */
  complaint(path: string, sha256: string | undefined): string | undefined {
    const written = this.#paths.get(path);
    if (written === undefined) return `${path} was never put`;
    if (sha256 === written.acknowledged || (sha256 !== undefined && written.unanswered.has(sha256))) return undefined;
    return `${path} was acknowledged as ${written.acknowledged ?? "nothing"} and is ${sha256 ?? "missing"}`;
  }

  complaints(found: ReadonlyMap<string, { readonly sha256: string }>): string[] {
    const paths = new Set([...this.#paths.keys(), ...found.keys()]);
    return [...paths].flatMap((path) => this.complaint(path, found.get(path)?.sha256) ?? []);
  }
}

const CHUNK_BYTES = 16 * 1024;

/** In many pieces, so that a kill may strike between any two. */
async function* inChunks(content: Uint8Array): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += CHUNK_BYTES) {
    yield Buffer.from(content.subarray(at, at + CHUNK_BYTES));
    await new Promise(setImmediate);
  }
}
