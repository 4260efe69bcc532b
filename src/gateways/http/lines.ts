/** A body as lines of text, one after the other, whatever its length. */
import type { Bytes } from "../../core/catalog/kv.ts";

export interface Line {
  /** From 1 on. */
  readonly number: number;
  /** undefined: it is longer than a line may be, or no UTF-8. */
  readonly text: string | undefined;
}

const LINE_FEED = 0x0a;

/** Of a line that is too long no more is kept than it may have. Its end, `\n` or `\r\n`, is not part of it. */
export async function* linesOf(body: AsyncIterable<Bytes>, lineBytesMax: number): AsyncGenerator<Line> {
  let number = 0;
  let begun: Bytes[] = [];
  let begunBytes = 0;
  const take = (piece: Bytes) => {
    // The end of a longer one is not looked at.
    if (begunBytes <= lineBytesMax) begun.push(piece.slice(0, lineBytesMax + 1));
    begunBytes += piece.length;
  };
  const end = (): Line => {
    const text = begunBytes > lineBytesMax ? undefined : decode(Buffer.concat(begun));
    begun = [];
    begunBytes = 0;
    return { number: ++number, text };
  };
  for await (const chunk of body) {
    let start = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, start)) {
      take(chunk.subarray(start, at));
      yield end();
      start = at + 1;
    }
    if (start < chunk.length) take(chunk.subarray(start));
  }
  if (begunBytes > 0) yield end();
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Bytes): string | undefined {
  try {
    return decoder.decode(bytes).replace(/\r$/, "");
  } catch {
    return undefined;
  }
}
