import { describe, expect, it } from "vitest";
import type { HybridTime, VersionId } from "../ids.ts";
import { judgeOffer } from "./offers.ts";
import type { Content } from "./types.ts";

const file = (version: string) =>
  ({ type: "file", version: version as VersionId, sizeBytes: 1, sha256: "" }) as Content;
const at = (content: Content, madeAt: number) => ({ content, madeAt: madeAt as HybridTime });
const deleted: Content = { type: "deleted", movedTo: undefined };
const directory: Content = { type: "directory" };

describe("C11: an entry that another swarm offers", () => {
  it("is taken where nothing is, though it was deleted there later", () => {
    expect(judgeOffer(undefined, at(file("a"), 1))).toBe("taken");
    expect(judgeOffer(at(deleted, 9), at(file("a"), 1))).toBe("taken");
    expect(judgeOffer(at(deleted, 9), at(directory, 1))).toBe("taken");
  });

  it("replaces a file that was written before it, and no other, whichever side offers", () => {
    expect(judgeOffer(at(file("a"), 1), at(file("b"), 2))).toBe("replaces");
    expect(judgeOffer(at(file("b"), 2), at(file("a"), 1))).toBe("kept");
    expect(judgeOffer(at(file("a"), 2), at(file("b"), 2))).toBe("replaces");
    expect(judgeOffer(at(file("b"), 2), at(file("a"), 2))).toBe("kept");
  });

  it("is the same once it was taken, so that it may be offered again", () => {
    expect(judgeOffer(at(file("a"), 9), at(file("a"), 1))).toBe("same");
    expect(judgeOffer(at(directory, 1), at(directory, 2))).toBe("same");
    expect(judgeOffer(at(file("a"), 1), at(directory, 2))).toBe("same");
  });
});
