import { describe, expect, it } from "vitest";
import type { FilePath } from "../../core/paths.ts";
import type { Face } from "../../server/face.ts";
import { evaluateConditions, rangeApplies } from "./conditions.ts";
import type { Call } from "./operation.ts";
import { setVariables } from "./operations/variables.ts";

const file = { etag: '"v2"', modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
const AT = "Fri, 02 Jan 2026 03:04:05 GMT";
const BEFORE = "Fri, 02 Jan 2026 03:04:04 GMT";

describe("evaluateConditions", () => {
  it.each([
    [{}, "proceed"],
    [{ "if-match": '"v2"' }, "proceed"],
    [{ "if-match": '"v1", "v2"' }, "proceed"],
    [{ "if-match": "*" }, "proceed"],
    [{ "if-match": '"v1"' }, "failed"],
    [{ "if-match": 'W/"v2"' }, "failed"],
    [{ "if-match": "v2" }, "failed"],
    [{ "if-none-match": '"v2"' }, "not-modified"],
    [{ "if-none-match": 'W/"v2"' }, "not-modified"],
    [{ "if-none-match": '"v1","v2"' }, "not-modified"],
    [{ "if-none-match": "*" }, "not-modified"],
    [{ "if-none-match": '"v1"' }, "proceed"],
    [{ "if-modified-since": AT }, "not-modified"],
    [{ "if-modified-since": BEFORE }, "proceed"],
    [{ "if-modified-since": "yesterday" }, "proceed"],
    [{ "if-unmodified-since": AT }, "proceed"],
    [{ "if-unmodified-since": BEFORE }, "failed"],
    [{ "if-unmodified-since": "yesterday" }, "proceed"],
    [{ "if-match": '"v2"', "if-unmodified-since": BEFORE }, "proceed"],
    [{ "if-none-match": '"v1"', "if-modified-since": AT }, "proceed"],
    [{ "if-match": '"v1"', "if-none-match": '"v2"' }, "failed"],
    [{ "if-match": '"v2"', "if-none-match": '"v2"' }, "not-modified"],
  ])("judges %j", (headers, verdict) => {
    expect(evaluateConditions(headers, file)).toBe(verdict);
  });

  it("passes over dates when the file has none", () => {
    const undated = { etag: '"v2"', modifiedMs: undefined };
    expect(evaluateConditions({ "if-modified-since": AT }, undated)).toBe("proceed");
    expect(evaluateConditions({ "if-unmodified-since": BEFORE }, undated)).toBe("proceed");
  });
});

describe("rangeApplies", () => {
  it.each([
    [undefined, true],
    ['"v2"', true],
    ['"v1"', false],
    ['W/"v2"', false],
    [AT, false], // Another version may be of the same second.
    [BEFORE, false],
    ["yesterday", false],
  ])("P4: judges If-Range: %j", (header, applies) => {
    expect(rangeApplies(header, file)).toBe(applies);
  });
});

describe("setting variables, which is never conditional", () => {
  const set = (headers: Call["headers"]) => {
    const call: Partial<Call> = {
      headers,
      principal: { scope: "write" },
      path: () => ({ path: "a.ogg" as FilePath, directory: false }),
      json: async () => ({ variables: { popularity: 9 } }),
      face: { setVariables: async () => ({ popularity: 9 }) } as unknown as Face,
    };
    return setVariables.run(call as Call);
  };

  it.each(["if-match", "if-none-match", "if-unmodified-since", "content-range"])("is refused with %s", async (name) => {
    await expect(set({ [name]: '"v1"' })).rejects.toMatchObject({ code: "argument-invalid", params: { name } });
    await expect(set({ accept: "*/*" })).resolves.toMatchObject({ status: 200 });
  });
});
