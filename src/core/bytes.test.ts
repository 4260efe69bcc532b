import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter, compareBytes, fromHex, fromUtf8, hex, utf8 } from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 40 });
const safeInteger = fc.oneof(fc.nat(300), fc.maxSafeNat());

describe("text as bytes", () => {
  it("S7: comes back as it was, a byte order mark included", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(text.isWellFormed());
        expect(fromUtf8(utf8(text))).toBe(text);
        expect(new ByteReader(new ByteWriter().text(text).finish()).text()).toBe(text);
      }),
    );
    for (const text of ["\uFEFFname", "\uFEFF", "a\uFEFFb", "\uFFFD"]) {
      expect(fromUtf8(utf8(text))).toBe(text);
      expect(new ByteReader(new ByteWriter().text(text).finish()).text()).toBe(text);
    }
  });

  it("is refused when it is not UTF-8, instead of being read as another text", () => {
    for (const broken of [[0xff], [0xc3], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xef, 0xbf, 0xbd, 0xff]]) {
      expect(() => fromUtf8(Uint8Array.from(broken))).toThrow();
      expect(() => new ByteReader(Uint8Array.from([broken.length, ...broken])).text()).toThrow(RangeError);
    }
  });

  it("as hexadecimal digits, comes back as it was", () => {
    fc.assert(
      fc.property(bytes, (some) => {
        expect(fromHex(hex(some))).toEqual(some);
      }),
    );
  });
});

describe("the order of bytes", () => {
  it("is unsigned, and a prefix comes first", () => {
    const sorted = [[], [0], [0, 0], [0, 255], [1], [127], [128], [128, 1], [255]].map((each) => Uint8Array.from(each));
    for (const [i, a] of sorted.entries()) {
      for (const [j, b] of sorted.entries()) expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(i - j));
    }
  });

  it("is that of Buffer.compare", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      }),
    );
  });
});

describe("ByteWriter and ByteReader", () => {
  it("give back every value in order, from whatever size of buffer they began with", () => {
    const field = fc.record({
      byte: fc.nat(255),
      width: fc.integer({ min: 1, max: 7 }),
      number: safeInteger,
      count: safeInteger,
      raw: bytes,
      text: fc.string({ unit: "grapheme" }),
    });
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), fc.nat(64), (fields, expectedBytes) => {
        const writer = new ByteWriter(expectedBytes);
        for (const { byte, width, number, count, raw, text } of fields) {
          writer
            .u8(byte)
            .uint(number % 256 ** width, width)
            .varint(count)
            .bytes(raw)
            .text(text)
            .hex(hex(raw));
        }
        const written = writer.finish();
        expect(written.length).toBe(writer.length);
        const reader = new ByteReader(written);
        for (const { byte, width, number, count, raw, text } of fields) {
          expect(reader.u8()).toBe(byte);
          expect(reader.uint(width)).toBe(number % 256 ** width);
          expect(reader.varint()).toBe(count);
          expect(reader.bytes()).toEqual(raw);
          expect(reader.text()).toBe(text);
          expect(reader.hex(raw.length)).toBe(hex(raw));
        }
        expect(reader.done).toBe(true);
      }),
    );
  });

  it("keep the order of numbers in the order of bytes", () => {
    const encoded = (value: number) => new ByteWriter().uint(value, 7).finish();
    fc.assert(
      fc.property(safeInteger, safeInteger, (a, b) => {
        expect(Math.sign(compareBytes(encoded(a), encoded(b)))).toBe(Math.sign(a - b));
      }),
    );
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
    "refuse %s as a count, which would be read as another",
    (value) => {
      expect(() => new ByteWriter().varint(value)).toThrow(RangeError);
    },
  );

  it("refuse a count above what a number can tell exactly", () => {
    const digits = (count: number) => [...Array.from({ length: count - 1 }, () => 0xff), 0x7f];
    expect(new ByteReader(Uint8Array.from(digits(7))).varint()).toBe(2 ** 49 - 1);
    expect(() => new ByteReader(Uint8Array.from(digits(8))).varint()).toThrow(RangeError);
    expect(() => new ByteReader(Uint8Array.from(digits(9))).varint()).toThrow(RangeError);
  });

  it("refuse bytes that end too early, at every cut", () => {
    const whole = new ByteWriter()
      .u8(7)
      .uint(5, 6)
      .varint(300)
      .bytes(Uint8Array.of(1, 2))
      .text("äb")
      .hex("c0ffee")
      .finish();
    const readAll = (some: Uint8Array) => {
      const reader = new ByteReader(some);
      return [reader.u8(), reader.uint(6), reader.varint(), reader.bytes(), reader.text(), reader.hex(3)];
    };
    expect(readAll(whole).at(-1)).toBe("c0ffee");
    for (let cut = 0; cut < whole.length; cut++) expect(() => readAll(whole.subarray(0, cut))).toThrow(RangeError);
  });

  it("do not share what was finished or read", () => {
    const writer = new ByteWriter().u8(1);
    const first = writer.finish();
    writer.u8(2);
    expect(first).toEqual(Uint8Array.of(1));
    const source = Uint8Array.of(1, 9);
    const read = new ByteReader(source).bytes();
    source[1] = 0;
    expect(read).toEqual(Uint8Array.of(9));
    expect(new ByteReader(Uint8Array.of(3, 4)).rest()).toEqual(Uint8Array.of(3, 4));
  });
});
