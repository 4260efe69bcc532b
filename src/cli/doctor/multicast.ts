/** Multicast DNS on this machine's networks: whether it can be used, and whether the server is heard by it. */
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import multicastDns, { type Multicast, type Packet } from "multicast-dns";
import { type Check, ok, type Subject, warn } from "./check.ts";

/** A server answers within a tenth of a second, or a second after its last answer. */
const LISTEN_MS = 1_800;

const mdns: Check = {
  name: "mDNS",
  run: async (subject) => {
    if (!subject.discovery) return [ok("Switched off by --no-discovery")];
    const networks = Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
      (addresses ?? [])
        .filter(({ internal, family }) => !internal && family === "IPv4")
        .map(({ address }) => ({ name, address })),
    );
    if (networks.length === 0) {
      return [warn("No network interface has multicast.", "Servers will not find each other here: use --join.")];
    }
    return await Promise.all(networks.map((network) => listen(network, subject)));
  },
};

async function listen({ name, address }: { name: string; address: string }, { swarmPort, server }: Subject) {
  const { MDNS_SERVICE } = await import("../../main.ts");
  const heard = new Set<number>();
  const found = Promise.withResolvers<void>();
  let socket: Multicast | undefined;
  try {
    socket = multicastDns({ interface: address, bind: "0.0.0.0", reuseAddr: true, loopback: true });
    // A packet that is none is somebody else's matter.
    socket.on("warning", () => undefined);
    const failed = once(socket, "error").then(([error]) => {
      throw error;
    });
    failed.catch(() => undefined);
    socket.on("response", (packet: Packet) => {
      for (const port of announcedPorts(packet, MDNS_SERVICE)) heard.add(port);
      if (server !== undefined && heard.has(swarmPort)) found.resolve();
    });
    await Promise.race([once(socket, "networkInterface"), failed, delay(LISTEN_MS)]);
    socket.query([{ name: MDNS_SERVICE, type: "PTR" }]);
    await Promise.race([found.promise, failed, delay(LISTEN_MS)]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return warn(`${name} (${address}) has no multicast: ${reason}.`, "Servers are not found over it: use --join.");
  } finally {
    socket?.destroy();
  }
  if (server === undefined) return ok(`${name} (${address}) has multicast`);
  if (heard.has(swarmPort)) return ok(`The server is heard on ${name} (${address})`);
  return warn(
    `The server is not heard on ${name} (${address}).`,
    "Was it started with --no-discovery or --listen? Else a firewall keeps UDP port 5353 from it. Servers that use --join do without.",
  );
}

function announcedPorts({ answers, additionals }: Packet, service: string): number[] {
  return [...answers, ...additionals].flatMap(({ name, type, data }) => {
    if (type !== "SRV" || !name.toLowerCase().endsWith(`.${service}`)) return [];
    return typeof data === "object" && data !== null && "port" in data && typeof data.port === "number"
      ? [data.port]
      : [];
  });
}

export const MULTICAST_CHECKS: readonly Check[] = [mdns];
