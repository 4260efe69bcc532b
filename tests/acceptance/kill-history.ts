/** What clients were told while they wrote, and what may therefore be at each path. */
import type { Client } from "../../src/client/client.ts";
import { FsdfsError } from "../../src/errors.ts";
import { sha256Of } from "./disk-tree.ts";

interface Written {
  /** The last content that was acknowledged. */
  acknowledged: string | undefined;
  /** Digests of what was put since without an answer: done or not. */
  readonly unanswered: Set<string>;
  /** It was asked since that it be removed, without an answer. */
  mayBeGone: boolean;
  /** Digests of all that was ever put there. */
  readonly ever: Set<string>;
  round: number;
}

/** Digests by path. Each path has one writer, so that its acknowledgements have an order. */
export class History {
  readonly #paths = new Map<string, Written>();
  readonly #copies: number;
  acknowledged = 0;
  unanswered = 0;

  /** @param copies with which a file must be acknowledged at least */
  constructor(copies = 1) {
    this.#copies = copies;
  }

  /** Answers the error when it was not acknowledged. */
  async put(client: Client, path: string, content: Uint8Array, round: number): Promise<FsdfsError | undefined> {
    const written = this.#paths.get(path) ?? newlyWritten(round);
    this.#paths.set(path, written);
    written.round = round;
    const sha256 = sha256Of(content);
    written.unanswered.add(sha256);
    written.ever.add(sha256);
    try {
      const put = await client.put(path, { sizeBytes: content.length, open: () => inChunks(content) });
      if (put.sha256 !== sha256) throw new Error(`${path}: another digest came back than was sent`);
      if (put.copies < this.#copies) throw new Error(`${path} was acknowledged with ${put.copies} copies`);
      written.acknowledged = sha256;
      written.unanswered.clear();
      written.mayBeGone = false;
      this.acknowledged++;
      return undefined;
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
      this.unanswered++;
      return error;
    }
  }

  /** Answers whether it was acknowledged. */
  async remove(client: Client, path: string): Promise<boolean> {
    const written = this.#paths.get(path);
    if (written === undefined) return false;
    written.mayBeGone = true;
    try {
      await client.remove(path);
      written.acknowledged = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
      return false;
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
    if (sha256 === undefined && written.mayBeGone) return undefined;
    return `${path} was acknowledged as ${written.acknowledged ?? "nothing"} and is ${sha256 ?? "missing"}`;
  }

  /** Whether a file of this name lives and had one content only: a copy of it goes for no reason but to make room. */
  isWantedStill(name: string): boolean {
    for (const [path, { ever, mayBeGone }] of this.#paths) {
      if (path.endsWith(`/${name}`)) return ever.size === 1 && !mayBeGone;
    }
    return false;
  }

  /** What nobody must ever see on any disk, not even in the midst of things. */
  isForeign(path: string, sha256: string): boolean {
    return !this.#paths.get(path)?.ever.has(sha256);
  }

  /**
   * How many copies there must be now, and of which contents: of what was acknowledged and not written again since. While it
   * is being overwritten, or was without an answer, one of either must be left.
   */
  *owed(): Generator<{ path: string; contents: ReadonlySet<string>; copies: number }> {
    for (const [path, { acknowledged, unanswered, mayBeGone }] of this.#paths) {
      if (acknowledged === undefined || mayBeGone) continue;
      const contents = new Set([acknowledged, ...unanswered]);
      yield { path, contents, copies: unanswered.size === 0 ? this.#copies : 1 };
    }
  }

  complaints(found: ReadonlyMap<string, { readonly sha256: string }>): string[] {
    const paths = new Set([...this.#paths.keys(), ...found.keys()]);
    return [...paths].flatMap((path) => this.complaint(path, found.get(path)?.sha256) ?? []);
  }
}

function newlyWritten(round: number): Written {
  return { acknowledged: undefined, unanswered: new Set(), mayBeGone: false, ever: new Set(), round };
}

const CHUNK_BYTES = 16 * 1024;

/** In many pieces, so that a kill may strike between any two. */
async function* inChunks(content: Uint8Array): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += CHUNK_BYTES) {
    yield Buffer.from(content.subarray(at, at + CHUNK_BYTES));
    await new Promise(setImmediate);
  }
}
