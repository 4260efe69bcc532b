import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  deriveTokenKeys,
  equalText,
  type LinkClaim,
  REQUEST_LIFETIME_MAX_S,
  type RequestClaim,
  signLink,
  signRequest,
  verifyLink,
  verifyRequest,
} from "./tokens.ts";

const NOW_S = 1_800_000_000;
const keys = deriveTokenKeys(new Uint8Array(32).fill(7));
const strangers = deriveTokenKeys(new Uint8Array(32).fill(8));
const link: LinkClaim = { method: "GET", path: "a/b.ogg", version: "0001-0002", expires: NOW_S + 60 };
const request: RequestClaim = { method: "PUT", target: "/files/a%20b?x=1", expires: NOW_S + 60 };

describe("token keys", () => {
  it("are the same for one password, differ between passwords and between purposes", () => {
    expect(deriveTokenKeys(new Uint8Array(32).fill(7))).toEqual(keys);
    const all = [keys.link, keys.request, strangers.link, strangers.request].map((key) =>
      Buffer.from(key).toString("hex"),
    );
    expect(new Set(all).size).toBe(4);
    expect(all.every((key) => key.length === 64)).toBe(true);
  });

  it("are not made from a key of another length", () => {
    expect(() => deriveTokenKeys(new Uint8Array(31))).toThrow(RangeError);
  });
});

describe("signed links", () => {
  const mac = signLink(keys.link, link);

  it("S5: hold until they expire", () => {
    expect(verifyLink(keys.link, link, mac, NOW_S)).toBe(true);
    expect(verifyLink(keys.link, link, mac, NOW_S + 59)).toBe(true);
    expect(verifyLink(keys.link, link, mac, NOW_S + 60)).toBe(false);
  });

  it.each([
    ["another method", { ...link, method: "PUT" }],
    ["another path", { ...link, path: "a/c.ogg" }],
    ["another version", { ...link, version: "0001-0003" }],
    ["a later expiry", { ...link, expires: NOW_S + 61 }],
    ["no number as expiry", { ...link, expires: Number.NaN }],
  ])("S5: do not hold for %s", (_what, claim) => {
    expect(verifyLink(keys.link, claim, mac, NOW_S)).toBe(false);
  });

  it("S5: do not hold under another password, with another purpose's key or with a cut signature", () => {
    expect(verifyLink(strangers.link, link, mac, NOW_S)).toBe(false);
    expect(verifyLink(keys.link, link, signLink(keys.request, link), NOW_S)).toBe(false);
    for (const wrong of ["", mac.slice(1), `${mac}0`, mac.toUpperCase()]) {
      expect(verifyLink(keys.link, link, wrong, NOW_S)).toBe(false);
    }
  });

  it("S5: differ whenever their claims do, line breaks in paths included", () => {
    const part = fc.constantFrom("a", "b", "1\na", "GET");
    const claim = fc.record({
      method: fc.constantFrom("GET", "PUT"),
      path: part,
      version: fc.constantFrom("1", "2"),
      expires: fc.nat(3),
    });
    fc.assert(
      fc.property(claim, claim, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(signLink(keys.link, one) === signLink(keys.link, other)).toBe(same);
      }),
    );
  });
});

describe("signed requests", () => {
  const mac = signRequest(keys.request, request);

  it("hold until they expire", () => {
    expect(verifyRequest(keys.request, request, mac, NOW_S)).toBe(true);
    expect(verifyRequest(keys.request, request, mac, NOW_S + 60)).toBe(false);
  });

  it.each([
    ["another method", { ...request, method: "DELETE" }],
    ["another target", { ...request, target: "/files/a%20c?x=1" }],
    ["another query", { ...request, target: "/files/a%20b?x=2" }],
    ["another expiry", { ...request, expires: NOW_S + 61 }],
  ])("do not hold for %s", (_what, claim) => {
    expect(verifyRequest(keys.request, claim, mac, NOW_S)).toBe(false);
  });

  it("are refused when they would hold for longer than a quarter of an hour, or for no time that is a number", () => {
    for (const [expires, holds] of [
      [NOW_S + REQUEST_LIFETIME_MAX_S, true],
      [NOW_S + REQUEST_LIFETIME_MAX_S + 1, false],
      [Number.POSITIVE_INFINITY, false],
      [Number.NaN, false],
    ] as const) {
      const claim = { ...request, expires };
      expect(verifyRequest(keys.request, claim, signRequest(keys.request, claim), NOW_S)).toBe(holds);
    }
  });

  it("are not links, and links are not requests", () => {
    const same: RequestClaim = { method: "GET", target: link.path, expires: link.expires };
    expect(verifyRequest(keys.link, same, signLink(keys.link, link), NOW_S)).toBe(false);
  });
});

describe("equalText", () => {
  it("tells equal texts from different ones", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => equalText(a, a) && equalText(a, b) === (a === b)));
  });
});
