import { describe, expect, it } from "vitest";
import { contentTypeOf, DEFAULT_CONTENT_TYPE, isActiveContent } from "../../core/content-types.ts";
import { pathOfTarget, queryOf, routingUrl } from "./operation.ts";

describe("routing on the raw URL", () => {
  it.each([
    ["/files/a", "/files/-"],
    ["/files/a%2Fb?limit=/", "/files/-"],
    ["/files/../status", "/files/-"],
    ["/files/-", "/files/-"],
    ["/files/", "/files/-/"],
    ["/files/?limit=1", "/files/-/"],
    ["/files/a/b/", "/files/-/"],
    ["/locate/a", "/locate/-"],
    ["/locate", "/locate"],
    ["/drop/%00", "/drop/-"],
    ["/filesystem", "/filesystem"],
    ["/status?x=/files/", "/status?x=/files/"],
  ])("S7: routes %s without decoding it", (target, url) => {
    expect(routingUrl(target)).toBe(url);
  });

  it("S7: does not take a path from behind an encoded prefix", () => {
    expect(() => pathOfTarget("/%66iles/-")).toThrow(expect.objectContaining({ code: "route-unknown" }));
  });

  it("finds the query behind the first question mark", () => {
    expect(queryOf("/files/a?b=c?d&e=%20").get("b")).toBe("c?d");
    expect([...queryOf("/files/a")]).toEqual([]);
  });
});

describe("contentTypeOf", () => {
  it.each([
    ["music/a.MP3", "audio/mpeg"],
    ["a.b.ogg", "audio/ogg"],
    ["a", DEFAULT_CONTENT_TYPE],
    [".mp3", DEFAULT_CONTENT_TYPE],
    ["a.mp3/b", DEFAULT_CONTENT_TYPE],
    ["a.constructor", DEFAULT_CONTENT_TYPE],
    ["a.", DEFAULT_CONTENT_TYPE],
  ])("tells the type of %s", (path, type) => {
    expect(contentTypeOf(path)).toBe(type);
  });

  it("knows what a browser would run", () => {
    expect(["a.html", "a.svg", "a.mp3", "a.txt"].map((path) => isActiveContent(contentTypeOf(path)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
