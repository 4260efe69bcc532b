import { describe, expect, it } from "vitest";
import { isAmong, isPublicAddress } from "./addresses.ts";

describe("an address", () => {
  it.each([
    "1.1.1.1",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "::ffff:1.1.1.1",
    "::ffff:101:101",
    "64:ff9b::1.1.1.1",
  ])("%s is public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:0:127.0.0.1",
    "0:0:0:0:0:ffff:a00:1",
    "::ffff:0.0.0.0",
    "::ffff:0:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "fe80::1",
    "fe80::1%lo",
    "fc00::1",
    "fdff::1",
    "fec0::1",
    "ff02::fb",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "",
    "localhost",
    "1.1.1",
  ])("%s is not", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe("one of several addresses", () => {
  const several = ["1.2.3.4", "2600::1:1", "fe80::1%lo"];

  it.each(["1.2.3.4", "::ffff:1.2.3.4", "::ffff:102:304", "0:0:0:0:0:FFFF:102:304", "2600:0::0001:1", "fe80::1%lo"])(
    "is known as %s",
    (address) => expect(isAmong(address, several)).toBe(true),
  );

  it.each(["1.2.3.5", "::1.2.3.4", "::ffff:1.2.3.5", "2600::1:2", "fe80::1"])("is not %s", (address) => {
    expect(isAmong(address, several)).toBe(false);
  });
});
