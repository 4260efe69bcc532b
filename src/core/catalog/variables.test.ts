import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HybridTime, ServerId } from "../ids.ts";
import { decodeRegisters, encodeRegisters, type Register } from "./rows.ts";
import {
  decodeVariable,
  encodeVariable,
  isVariableName,
  UNSET,
  VARIABLE_NAME_BYTES_MAX,
  VARIABLE_VALUE_BYTES_MAX,
  variableField,
  variablesObject,
  variablesOf,
  variableValueProblem,
} from "./variables.ts";

const anyValue = fc.oneof(
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: "binary", maxLength: VARIABLE_VALUE_BYTES_MAX / 4 }),
);
const register = (field: string, value: Uint8Array): Register => ({
  field,
  value,
  stamp: { rank: 0, time: 1 as HybridTime, server: "aaaaaaaaaaaa" as ServerId },
  marks: [{ origin: 0, number: 1 }],
});

describe("variables", () => {
  test("a value is what it was before it was written", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(variableValueProblem(value)).toBeUndefined();
        expect(decodeVariable(encodeVariable(value))).toBe(Object.is(value, -0) ? 0 : value);
      }),
    );
  });

  test("what is no number, text or truth, or no finite one, or too long, is no value", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, null, undefined, {}, [1], 1n, "\ud800"]) {
      expect(variableValueProblem(value), String(value)).toBeDefined();
    }
    expect(variableValueProblem("x".repeat(VARIABLE_VALUE_BYTES_MAX))).toBeUndefined();
    expect(variableValueProblem("ö".repeat(VARIABLE_VALUE_BYTES_MAX / 2 + 1))).toBeDefined();
  });

  test("a name is short, and has nothing that JSON, a shell or a condition would take for something else", () => {
    for (const name of ["a", "_", "play-count.2026", "__proto__", "x".repeat(VARIABLE_NAME_BYTES_MAX)]) {
      expect(isVariableName(name), name).toBe(true);
    }
    for (const name of ["", "9", "-a", "a b", "a=b", "ä", "a\n", "x".repeat(VARIABLE_NAME_BYTES_MAX + 1)]) {
      expect(isVariableName(name), name).toBe(false);
    }
  });

  test("those of a path are the ones that are set, in order of name; other registers are none", () => {
    const registers = [
      register("content", Uint8Array.of(3)),
      register(variableField("b"), encodeVariable("two")),
      register(variableField("gone"), UNSET),
      register(variableField("a"), encodeVariable(1)),
      register(variableField("later"), Uint8Array.of(77, 1)),
      register(variableField("cut"), encodeVariable(9).slice(0, 5)),
    ];
    expect([...variablesOf(decodeRegisters(encodeRegisters(registers)))]).toEqual([
      ["a", 1],
      ["b", "two"],
    ]);
  });

  test("a variable that is called __proto__ is one like any other", () => {
    const object = variablesObject([register(variableField("__proto__"), encodeVariable("x"))])!;
    expect(JSON.stringify(object)).toBe('{"__proto__":"x"}');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(variablesObject([register("content", UNSET)])).toBeUndefined();
  });
});
