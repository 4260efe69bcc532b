/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): each pair of a thing and a server has a weight, and the servers'
 * order for a thing is that of their weights. The hash is FNV-1a with the finaliser of MurmurHash3.
 */

/** 32 bits, the same on every server. */
export function rendezvousWeight(thing: string, server: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < thing.length; i++) hash = Math.imul(hash ^ thing.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ 0x2f, 0x01000193);
  for (let i = 0; i < server.length; i++) hash = Math.imul(hash ^ server.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  hash ^= hash >>> 16;
  return hash >>> 0;
}

/** The servers in their order for a thing, the first being its owner. */
export function rendezvousOrder<S extends string>(thing: string, servers: readonly S[]): S[] {
  return [...servers].sort(
    (a, b) => rendezvousWeight(thing, b) - rendezvousWeight(thing, a) || (a < b ? -1 : a > b ? 1 : 0),
  );
}
