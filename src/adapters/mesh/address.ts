/** Addresses as the port writes them: "host:port", IPv6 in brackets. */
import { NetworkError } from "../../ports/network.ts";

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** @throws NetworkError `unreachable` when the text is no address */
export function parseAddress(address: string): SocketAddress {
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new NetworkError("unreachable", `"${address}" is no address of the form host:port`);
  }
  return { host, port };
}

/** An IPv4 address that a dual-stack socket shows as IPv6, as plain IPv4. */
export function plainAddress(address: string | undefined): string {
  return (address ?? "").replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}
