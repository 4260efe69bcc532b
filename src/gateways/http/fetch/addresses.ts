/**
 * Which addresses lie in the open Internet: only there is fetched for a client that may merely write. Everything else
 * (this machine, its LAN, a provider's metadata service) may answer this server what it would not answer that client.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";

/** IANA's registry of special-purpose IPv4 addresses, what is reserved, and multicast. */
const IPV4_SPECIAL = subnets("ipv4", [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
]);

/** All that is global unicast; loopback, link-local, unique-local and multicast lie outside of it. */
const IPV6_GLOBAL = subnets("ipv6", [["2000::", 3]]);

/** Parts of it that are not: protocols' own, documentation, and 6to4, which leads to whatever IPv4 address it names. */
const IPV6_SPECIAL = subnets("ipv6", [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
]);

/** What is none, or cannot be read, is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !IPV4_SPECIAL.check(address, "ipv4");
  if (!isIPv6(address) || address.includes("%")) return false;
  const inside = embeddedIpv4(address);
  if (inside !== undefined) return isPublicAddress(inside);
  return IPV6_GLOBAL.check(address, "ipv6") && !IPV6_SPECIAL.check(address, "ipv6");
}

/** However each of them is written. */
export function isAmong(address: string, addresses: readonly string[]): boolean {
  const wanted = canonical(address);
  return addresses.some((each) => canonical(each) === wanted);
}

function canonical(address: string): string {
  return isIPv6(address) && !address.includes("%") ? (embeddedIpv4(address) ?? canonicalIpv6(address)) : address;
}

/** A URL's host has the one canonical form, in hexadecimal. */
function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

/** The IPv4 address that ::ffff:0:0/96 (mapped) and 64:ff9b::/96 (NAT64) stand for. */
function embeddedIpv4(address: string): string | undefined {
  const written = canonicalIpv6(address);
  const [, high, low] = /^(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})?$/.exec(written) ?? [];
  if (high === undefined && low === undefined) return undefined;
  const [upper, lower] = [Number.parseInt(high ?? "0", 16), Number.parseInt(low ?? "0", 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join(".");
}

function subnets(family: "ipv4" | "ipv6", ranges: readonly (readonly [network: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of ranges) list.addSubnet(network, prefix, family);
  return list;
}
