import { describe, expect, it } from "vitest";
import { parseAddress, plainAddress } from "./address.ts";

describe("addresses", () => {
  it.each([
    ["10.0.0.1:4243", "10.0.0.1", 4243],
    ["music.example.org:1", "music.example.org", 1],
    ["[::1]:65535", "::1", 65_535],
    ["[fe80::1%eth0]:4243", "fe80::1%eth0", 4243],
  ])("%s is understood", (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each([
    "",
    "host",
    ":1",
    "host:",
    "host:0",
    "host:65536",
    "::1:4243",
    "[::1]",
    "http://host:1",
    "a b:1",
    "host:1x",
  ])('"%s" is unreachable', (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: "unreachable" }));
  });

  it("of IPv4 callers on a dual-stack socket are told as plain IPv4, IPv6 ones as they are", () => {
    expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
    expect(plainAddress("fe80::1")).toBe("fe80::1");
    expect(plainAddress(undefined)).toBe("");
  });
});
