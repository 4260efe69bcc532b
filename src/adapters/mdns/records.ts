/** The DNS-SD records that a server announces, and what is read from those of others (RFC 6762, RFC 6763). */
import { isIPv4 } from "node:net";
import type { Answer, Packet } from "multicast-dns";

export const SERVICE = "_fsdfs._tcp.local";
const SERVICES = "_services._dns-sd._udp.local";
/** Two minutes: what a record that names a host should live (RFC 6762, section 10). */
const TTL_SECONDS = 120;
/** Servers read from one packet. One answers for itself; more is not honest traffic. */
const FOUND_PER_PACKET_MAX = 16;

/** One start of one server. The name is random: it says nothing of the swarm, and the next start has another. */
export interface Instance {
  readonly name: string;
  readonly swarmPort: number;
  readonly httpPort: number | undefined;
}

export function announcement(instance: Instance, address: string): { answers: Answer[]; additionals: Answer[] } {
  const full = `${instance.name}.${SERVICE}`;
  const host = `${instance.name}.local`;
  const text = ["v=1", ...(instance.httpPort === undefined ? [] : [`http=${instance.httpPort}`])];
  return {
    answers: [{ name: SERVICE, type: "PTR", ttl: TTL_SECONDS, data: full }],
    additionals: [
      { name: full, type: "SRV", ttl: TTL_SECONDS, data: { port: instance.swarmPort, target: host } },
      { name: full, type: "TXT", ttl: TTL_SECONDS, data: text },
      { name: host, type: "A", ttl: TTL_SECONDS, data: address },
    ],
  };
}

/** Says that this server is going. */
export function goodbye(instance: Instance): { answers: Answer[]; additionals: Answer[] } {
  return { answers: [{ name: SERVICE, type: "PTR", ttl: 0, data: `${instance.name}.${SERVICE}` }], additionals: [] };
}

/** Does the packet ask for what `announcement` tells? */
export function asksFor(instance: Instance, packet: Packet): boolean {
  const names = [SERVICE, SERVICES, `${instance.name}.${SERVICE}`, `${instance.name}.local`];
  return packet.questions.some(({ name }) => names.includes(name.toLowerCase()));
}

/** Does it ask who is there, as every browsing server does? */
export function browses(packet: Packet): boolean {
  return packet.questions.some(({ name, type }) => name.toLowerCase() === SERVICE && type === "PTR");
}

/** Addresses "host:port" of the servers that a packet announces, `own` excepted. */
export function announced(packet: Packet, sender: string, own: Instance): string[] {
  const records = [...packet.answers, ...packet.additionals].filter(({ ttl }) => ttl !== 0);
  const ownName = `${own.name}.${SERVICE}`;
  const found = new Set<string>();
  for (const { name, type, data } of records) {
    if (type !== "SRV" || !name.toLowerCase().endsWith(`.${SERVICE}`) || name.toLowerCase() === ownName) continue;
    const { port, target } = service(data);
    if (port === undefined) continue;
    for (const host of hosts(records, target, sender)) found.add(`${host}:${port}`);
    if (found.size >= FOUND_PER_PACKET_MAX) break;
  }
  return [...found];
}

/** The addresses told for a name; the packet's sender when none are. */
function hosts(records: Packet["answers"], target: string | undefined, sender: string): string[] {
  const told = records
    .filter(({ name, type }) => type === "A" && name.toLowerCase() === target)
    .map(({ data }) => data);
  const addresses = told.filter((address): address is string => typeof address === "string" && isIPv4(address));
  return addresses.length > 0 ? addresses : [sender];
}

function service(data: unknown): { port: number | undefined; target: string | undefined } {
  if (typeof data !== "object" || data === null) return { port: undefined, target: undefined };
  const port = "port" in data && typeof data.port === "number" && data.port > 0 ? data.port : undefined;
  const target = "target" in data && typeof data.target === "string" ? data.target.toLowerCase() : undefined;
  return { port, target };
}
