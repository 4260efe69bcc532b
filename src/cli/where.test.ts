import { describe, expect, test } from "vitest";
import type { Variables } from "../core/catalog/variables.ts";
import { parseWhere } from "./where.ts";

const FILES: Readonly<Record<string, Variables | undefined>> = {
  hit: { popularity: 9, genre: "rock", live: true },
  miss: { popularity: 5, genre: "hip hop" },
  text: { popularity: "9" },
  bare: undefined,
};
const found = (text: string) => Object.keys(FILES).filter((name) => parseWhere(text)(FILES[name]));

describe("conditions on variables", () => {
  test("compare numbers with numbers and texts with texts", () => {
    expect(found("popularity>5")).toEqual(["hit"]);
    expect(found("popularity >= 5")).toEqual(["hit", "miss"]);
    expect(found("popularity<9")).toEqual(["miss"]);
    expect(found("popularity<=5")).toEqual(["miss"]);
    expect(found("popularity=9")).toEqual(["hit"]);
    expect(found('popularity="9"')).toEqual(["text"]);
    expect(found("genre<rock")).toEqual(["miss"]);
    expect(found('genre="hip hop"')).toEqual(["miss"]);
    expect(found("live=true")).toEqual(["hit"]);
  });

  test("what is missing or of another kind meets only !=", () => {
    expect(found("popularity!=9")).toEqual(["miss", "text", "bare"]);
    expect(found("missing=1")).toEqual([]);
    expect(found("__proto__!=1")).toEqual(["hit", "miss", "text", "bare"]);
    expect(found("toString=1")).toEqual([]);
  });

  test("all that and joins must be met", () => {
    expect(found("popularity>1 and genre=rock AND live!=false")).toEqual(["hit"]);
    expect(found("popularity>1 and genre=rock and live=false")).toEqual([]);
    expect(found("genre!=and and popularity=5")).toEqual(["miss"]);
  });

  test("what is none is refused, saying where", () => {
    const wrong = ["", "popularity", "popularity>", ">5", "a=1 or b=2", "a=1 and", "a=1 b=2", "9=a", 'a="x', "a==1 x"];
    wrong.push("popularity==9", "popularity=>9", "popularity<>9", "popularity > =9");
    for (const text of wrong) expect(() => parseWhere(text), text).toThrow();
    expect(() => parseWhere("live>true")).toThrow("more or less");
    expect(() => parseWhere("a=NaN")).toThrow("NaN");
    expect(() => parseWhere("a=1 or b=2")).toThrow("or b=2");
  });
});
