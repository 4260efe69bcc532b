/**
 * Finds the servers of the LAN by multicast DNS, on every interface of this machine, and on those that come later.
 * What it sends names a random instance, its port and its address, and nothing that derives from the password.
 */
import { randomBytes } from "node:crypto";
import { networkInterfaces } from "node:os";
import type { Discovery } from "../../ports/discovery.ts";
import type { Log } from "../../ports/log.ts";
import { Browser, type LocalAddress } from "./browser.ts";
import type { Instance } from "./records.ts";

export interface MdnsOptions {
  /** Told along, for people who browse with other tools. */
  readonly httpPort?: number;
  readonly log: Log;
  /** UDP port; 5353 unless a test wants to be alone. */
  readonly port?: number;
  /** This machine's addresses; the operating system's unless a test knows better. */
  readonly addresses?: () => readonly LocalAddress[];
  /** How soon a network that comes later is used. */
  readonly rereadIntervalMs?: number;
}

const MDNS_PORT = 5353;
const INSTANCE_BYTES = 8;
const REREAD_INTERVAL_MS = 3_000;

export function createMdnsDiscovery(options: MdnsOptions): Discovery {
  const { log, port = MDNS_PORT, addresses = localAddresses, rereadIntervalMs = REREAD_INTERVAL_MS } = options;
  const browsers = new Map<string, Browser>();
  const complained = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function start(swarmPort: number, found: (address: string) => void): Promise<void> {
    const name = `fsdfs-${randomBytes(INSTANCE_BYTES).toString("hex")}`;
    const instance: Instance = { name, swarmPort, httpPort: options.httpPort };
    const reread = () => follow(instance, found);
    reread();
    timer = setInterval(reread, rereadIntervalMs).unref();
  }

  /** Opens a browser for each address that is new, closes those whose address has gone. */
  function follow(instance: Instance, found: (address: string) => void): void {
    const present = new Map(read().map((local) => [`${local.address}/${local.prefix}`, local]));
    for (const [key, browser] of browsers) {
      if (!present.has(key)) drop(key, browser);
    }
    for (const [key, local] of present) {
      if (!browsers.has(key)) open(key, local, instance, found);
    }
  }

  function open(key: string, local: LocalAddress, instance: Instance, found: (address: string) => void): void {
    const failed = (error: unknown) => {
      const browser = browsers.get(key);
      if (browser) drop(key, browser);
      if (complained.has(key)) return;
      complained.add(key);
      log.warn("Cannot look for servers on a network; trying again.", { address: key, reason: String(error) });
    };
    try {
      browsers.set(key, new Browser(local, instance, port, { found: (address) => !closed && found(address), failed }));
      log.debug("Looking for servers on a network.", { address: key });
    } catch (error) {
      failed(error);
    }
  }

  function drop(key: string, browser: Browser): void {
    browsers.delete(key);
    void browser.close();
  }

  function read(): readonly LocalAddress[] {
    try {
      return addresses();
    } catch {
      // The list changed while it was read.
      return [];
    }
  }

  async function close(): Promise<void> {
    closed = true;
    clearInterval(timer);
    const open = [...browsers.values()];
    browsers.clear();
    await Promise.all(open.map((browser) => browser.close()));
  }

  return { start, close };
}

/** IPv4 only; the loopback when there is nothing else, for several servers on one machine. */
function localAddresses(): LocalAddress[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ family, cidr }) => family === "IPv4" && cidr !== null);
  const outward = usable.filter(({ internal }) => !internal);
  return (outward.length > 0 ? outward : usable).map(({ address, cidr }) => ({
    address,
    prefix: Number(cidr?.split("/")[1]),
  }));
}
