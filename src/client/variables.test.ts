import { expect, test } from "vitest";
import type { VariableChange } from "../server/face.ts";
import { linesOf } from "./variables.ts";

const of = (name: string, value: unknown) => linesOf([{ path: "a.ogg", name, value } as VariableChange]);

test("V1: a change is a line, which says nothing of any other file, whatever its name is", () => {
  expect(of("genre", 'hip\nhop\t"=')).toBe('a.ogg\tgenre="hip\\nhop\\t\\"="\n');
  expect(of("__proto__", null)).toBe("a.ogg\t__proto__=\n");
  expect(of("plays", -0)).toBe("a.ogg\tplays=0\n");
  for (const name of ["plays=1\nother.ogg\tplays", "a=b"]) {
    expect(() => of(name, 1)).toThrow(expect.objectContaining({ code: "variable-invalid" }));
  }
  for (const value of [Number.NaN, undefined, {}, [1]]) {
    expect(() => of("plays", value)).toThrow(expect.objectContaining({ code: "variable-invalid" }));
  }
});
