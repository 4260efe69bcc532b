/** How a server is reached from its own machine. */

/** @param port of its clients */
export function localUrl(
  { listen, tls }: { readonly listen?: string | undefined; readonly tls?: unknown },
  port: number,
) {
  const host = listen === undefined || isWildcard(listen) ? "127.0.0.1" : inUrl(listen);
  return `${tls === undefined ? "http" : "https"}://${host}:${port}`;
}

/** An address that stands for all of the machine's. */
export function isWildcard(listen: string): boolean {
  return listen === "0.0.0.0" || listen === "::";
}

export function inUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
