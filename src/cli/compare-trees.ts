/**
 * What makes one tree like another (`fsdfs sync`). Both are walked side by side, in the order of a listing of the swarm, so
 * that neither is ever in memory. Decides only; knows nothing of which of them is here and which in the swarm.
 */
import { FsdfsError } from "../errors.ts";

export interface Item {
  /** Relative to the tree's root, with "/". */
  readonly name: string;
  /** "other" is neither a file nor a directory; "unreadable" cannot be looked at. */
  readonly type: "file" | "directory" | "other" | "unreadable";
  readonly size: number;
  readonly sha256?: string | null;
  /** Of a file in the swarm: how many servers have it. */
  readonly copies?: number | null;
  /** Why it is unreadable. */
  readonly error?: unknown;
  /** Of what is left out, where there is more to say. */
  readonly what?: string;
}

export type Step =
  /** `existing` is the file in its place; whether it differs is to be seen. */
  | { readonly kind: "copy"; readonly item: Item; readonly existing?: Item }
  /** An empty directory. */
  | { readonly kind: "make"; readonly item: Item }
  /** With all that is in it. */
  | { readonly kind: "delete"; readonly item: Item }
  /** It is only in the destination, and stays. */
  | { readonly kind: "extra"; readonly item: Item }
  | { readonly kind: "leave-out"; readonly item: Item }
  | { readonly kind: "fail"; readonly item: Item; readonly error: unknown };

export interface Comparing {
  /** What is only in the destination, or in the way there, is to go. */
  readonly deleting: boolean;
  /** What stays all the same when it is only in the destination. */
  readonly stays?: (item: Item) => boolean;
  /** Removes what is in the way of something of another type, before the next step is told. */
  readonly clear: (item: Item) => Promise<void>;
}

/**
 * Once a part of the source could not be read nothing more is deleted: what seems to be missing there may be in that part.
 */
export async function* compareTrees(
  source: AsyncIterable<Item>,
  destination: AsyncIterable<Item>,
  { deleting, stays, clear }: Comparing,
): AsyncGenerator<Step> {
  const from = new Cursor(source);
  const to = new Cursor(destination);
  let sourceIsWhole = true;
  try {
    for (;;) {
      const [item, existing] = [await from.peek(), await to.peek()];
      if (item === undefined && existing === undefined) return;
      const order = compareNames(item?.name, existing?.name);
      if (existing !== undefined && order > 0) {
        const goes = deleting && sourceIsWhole && stays?.(existing) !== true;
        await (goes && existing.type === "directory" ? to.skipTree() : to.next());
        yield { kind: goes ? "delete" : "extra", item: existing };
        continue;
      }
      if (item === undefined) return;
      await from.next();
      if (item.type === "unreadable") sourceIsWhole = false;
      const met = order === 0 ? existing : undefined;
      const clash = met !== undefined && isClash(item, met);
      // What is left out in the source, a link say, may stand for all that is below its name in the destination.
      const whole = met?.type === "directory" && (clash || item.type === "other");
      if (met !== undefined) await (whole ? to.skipTree() : to.next());
      if (clash) {
        const error = await cleared(met, deleting && sourceIsWhole, clear);
        if (error !== undefined) {
          await from.skipBelow(item.name);
          yield { kind: "fail", item, error };
          continue;
        }
      }
      yield* stepsFor(item, clash ? undefined : met, await from.peek());
    }
  } finally {
    await from.close();
    await to.close();
  }
}

function* stepsFor(item: Item, existing: Item | undefined, next: Item | undefined): Generator<Step> {
  switch (item.type) {
    case "file":
      yield existing === undefined ? { kind: "copy", item } : { kind: "copy", item, existing };
      return;
    case "directory":
      // One with something in it comes into being by that.
      if (existing === undefined && !isBelow(next?.name, item.name)) yield { kind: "make", item };
      return;
    case "other":
      yield { kind: "leave-out", item };
      return;
    case "unreadable":
      yield { kind: "fail", item, error: item.error };
  }
}

function isClash(item: Item, existing: Item): boolean {
  if (item.type === "file") return existing.type === "directory";
  return item.type === "directory" && existing.type !== "directory";
}

/** Why it could not be; undefined when it is out of the way. */
async function cleared(existing: Item, may: boolean, clear: Comparing["clear"]): Promise<unknown> {
  if (!may) {
    const code = existing.type === "directory" ? "is-a-directory" : "not-a-directory";
    return new FsdfsError(code, { path: existing.name });
  }
  try {
    await clear(existing);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The order of a listing: by bytes, what is in a directory right behind it. What is missing comes last. */
export function compareNames(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return Buffer.compare(Buffer.from(a.replaceAll("/", "\0")), Buffer.from(b.replaceAll("/", "\0")));
}

function isBelow(name: string | undefined, directory: string): boolean {
  return name?.startsWith(`${directory}/`) ?? false;
}

/** One item ahead. */
class Cursor {
  readonly #iterator: AsyncIterator<Item>;
  #ahead: Promise<IteratorResult<Item, unknown>> | undefined;

  constructor(items: AsyncIterable<Item>) {
    this.#iterator = items[Symbol.asyncIterator]();
  }

  async peek(): Promise<Item | undefined> {
    this.#ahead ??= this.#iterator.next();
    const next = await this.#ahead;
    return next.done ? undefined : next.value;
  }

  async next(): Promise<Item | undefined> {
    const item = await this.peek();
    this.#ahead = undefined;
    return item;
  }

  /** The item that comes next, with all that is below it. */
  async skipTree(): Promise<void> {
    const item = await this.next();
    if (item !== undefined) await this.skipBelow(item.name);
  }

  async skipBelow(name: string): Promise<void> {
    while (isBelow((await this.peek())?.name, name)) await this.next();
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
