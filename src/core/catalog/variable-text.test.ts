import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatVariable, parseAssignment, parseVariable } from "./variable-text.ts";

const codeOf = (task: () => unknown) => {
  try {
    return task();
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe("variables as text", () => {
  test("what looks like a number, true or false in JSON is one; everything else is a text", () => {
    const typed = ["9", "-1.5e3", "0", "true", "rock", "0123", "1_000", "+4", ".5", '"9"', '"a b\\n"', "a=b", "True"];
    expect(typed.map((text) => parseVariable("x", text))).toEqual([
      ...[9, -1500, 0, true, "rock", "0123", "1_000", "+4", ".5", "9", "a b\n", "a=b", "True"],
    ]);
  });

  test("what is no value, or no exact one, is refused", () => {
    for (const text of ["NaN", "Infinity", "-Infinity", "null", "undefined", "1e999", "12345678901234567890", '"a']) {
      expect(
        codeOf(() => parseVariable("x", text)),
        text,
      ).toBe("variable-invalid");
    }
  });

  test("an assignment has a name and a value, or none to remove it", () => {
    expect(parseAssignment("popularity=9")).toEqual({ name: "popularity", value: 9 });
    expect(parseAssignment("old=")).toEqual({ name: "old", value: null });
    expect(parseAssignment('note="a=b"')).toEqual({ name: "note", value: "a=b" });
    for (const text of ["", "=", "=9", "popularity", "a b=1", `x=${"y".repeat(257)}`]) {
      expect(
        codeOf(() => parseAssignment(text)),
        text,
      ).toBe("variable-invalid");
    }
  });

  test("what is shown is read as the same value", () => {
    const anyValue = fc.oneof(
      fc.boolean(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.string({ unit: "binary" }),
      fc.constantFrom("9", "true", "null", "", "-0"),
    );
    fc.assert(
      fc.property(anyValue, (value) => {
        const text = formatVariable(value);
        // Whole numbers that JSON writes without an exponent have more digits than are exact.
        if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)) return;
        expect(parseVariable("x", text)).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });
});
