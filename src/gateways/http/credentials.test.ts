import { describe, expect, it } from "vitest";
import { FsdfsError } from "../../errors.ts";
import { readCredential, readLink } from "./credentials.ts";

const MAC = "0123456789abcdef".repeat(4);

function codeOf(action: () => unknown): string {
  try {
    return `answered ${JSON.stringify(action())}`;
  } catch (error) {
    if (error instanceof FsdfsError) return error.code;
    throw error;
  }
}

describe("readCredential", () => {
  it("finds none, a key or a signature", () => {
    expect(readCredential({})).toEqual({ kind: "none" });
    expect(readCredential({ authorization: "bearer  fsdfs_a_b " })).toEqual({ kind: "key", secret: "fsdfs_a_b" });
    for (const header of [`FSDFS-HMAC expires=1800000000,mac=${MAC}`, `fsdfs-hmac expires=1800000000, mac=${MAC}`]) {
      expect(readCredential({ authorization: header })).toEqual({
        kind: "signature",
        expires: 1_800_000_000,
        mac: MAC,
      });
    }
  });

  it.each([
    ["", "key-unknown"],
    ["Bearer", "key-unknown"],
    ["Bearer two words", "key-unknown"],
    ["Basic dXNlcjpwYXNz", "key-unknown"],
    ["FSDFS-HMAC", "signature-invalid"],
    [`FSDFS-HMAC expires=-1,mac=${MAC}`, "signature-invalid"],
    [`FSDFS-HMAC expires=1e9,mac=${MAC}`, "signature-invalid"],
    [`FSDFS-HMAC expires=1800000000,mac=${MAC}0`, "signature-invalid"],
    [`FSDFS-HMAC mac=${MAC}`, "signature-invalid"],
  ])("takes the header %j for no anonymous caller", (authorization, code) => {
    expect(codeOf(() => readCredential({ authorization }))).toBe(code);
  });
});

describe("readLink", () => {
  it("S5: reads version, expiry and signature from the query", () => {
    expect(readLink(new URLSearchParams(`version=v&expires=5&mac=${MAC}`))).toEqual({
      kind: "link",
      version: "v",
      expires: 5,
      mac: MAC,
    });
    expect(readLink(new URLSearchParams("redirect=never&version=v"))).toBeUndefined();
  });

  it.each(["mac=m", "mac=m&version=v", "mac=m&expires=5", "mac=m&version=v&expires=soon", "mac=m&version=v&expires="])(
    "S5: refuses half a link, ?%s",
    (query) => {
      expect(codeOf(() => readLink(new URLSearchParams(query)))).toBe("link-expired");
    },
  );
});
