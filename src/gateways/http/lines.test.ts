import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf } from "./lines.ts";

async function* inPieces(bytes: Uint8Array, pieceBytes: number) {
  for (let start = 0; start < bytes.length; start += pieceBytes) yield bytes.subarray(start, start + pieceBytes);
}

async function textsOf(bytes: Uint8Array, pieceBytes: number, lineBytesMax: number) {
  const texts: (string | undefined)[] = [];
  for await (const { number, text } of linesOf(inPieces(bytes, pieceBytes), lineBytesMax)) {
    texts.push(text);
    expect(number).toBe(texts.length);
  }
  return texts;
}

describe("lines of a body", () => {
  test("are the same however the body arrives", async () => {
    const anyLine = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n]/g, ""));
    await fc.assert(
      fc.asyncProperty(fc.array(anyLine), fc.integer({ min: 1, max: 9 }), fc.boolean(), async (lines, most, isLong) => {
        const bytes = new TextEncoder().encode(lines.map((line) => line + (isLong ? "\r\n" : "\n")).join(""));
        expect(await textsOf(bytes, most, 1000)).toEqual(lines);
      }),
    );
  });

  test("one that is too long, or no text, is told by its number, and those behind it are read", async () => {
    const bytes = Buffer.concat([Buffer.from("a\n12345\n123456\n"), Buffer.from([0xff, 0x0a]), Buffer.from("end")]);
    for (const most of [1, 3, 100]) {
      expect(await textsOf(bytes, most, 5)).toEqual(["a", "12345", undefined, undefined, "end"]);
    }
  });
});
