/**
 * The servers that hold a file, as a reader may ask them directly: only those that have proven to be reached from here
 * and to be who the swarm says they are, the one first that this client asks least of just now.
 */
import type { HolderInfo } from "../server/face.ts";
import { parseJson } from "./answer-error.ts";
import { type Exchange, readText } from "./exchange.ts";

/** A server of the LAN answers within milliseconds; one behind a wall does not keep readers waiting. */
const PROBE_TIMEOUT_MS = 1_000;
/** What was found about a server is believed for so long. */
const BELIEVED_MS = 60_000;
/** Servers that are remembered; a swarm has a hundred. */
const SERVERS_MAX = 1_024;

interface Known {
  /** Who answers there; undefined: nobody does. */
  readonly id: Promise<string | undefined>;
  readonly untilMs: number;
}

export class Holders {
  readonly #exchange: Exchange;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Map<string, number>();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Those that can be asked, in the order in which they are given: the best first. */
  async proven(servers: readonly HolderInfo[]): Promise<HolderInfo[]> {
    const candidates = servers.filter(({ url, state }) => state === "up" && this.#mayBeAsked(url));
    const ids = await Promise.all(candidates.map(({ url }) => this.#who(url)));
    return candidates.filter(({ id }, at) => ids[at] === id);
  }

  /** By what this client reads from them just now; the order stays where that is equal. */
  leastReadFirst(servers: readonly HolderInfo[]): HolderInfo[] {
    const reading = ({ url }: HolderInfo) => this.#reading.get(url) ?? 0;
    return servers.toSorted((a, b) => reading(a) - reading(b));
  }

  /** Counts a read until the answered function is called. */
  begin(url: string): () => void {
    let over = false;
    this.#reading.set(url, (this.#reading.get(url) ?? 0) + 1);
    return () => {
      if (over) return;
      over = true;
      const left = (this.#reading.get(url) ?? 1) - 1;
      if (left === 0) this.#reading.delete(url);
      else this.#reading.set(url, left);
    };
  }

  /** It is left alone for a while. */
  failed(url: string): void {
    this.#remember(url, Promise.resolve(undefined));
  }

  /** A key that was given over HTTPS is not sent in the clear. */
  #mayBeAsked(url: string): boolean {
    if (!URL.canParse(url)) return false;
    return new URL(url).protocol === "https:" || this.#exchange.base.protocol === "http:";
  }

  #who(url: string): Promise<string | undefined> {
    const known = this.#known.get(url);
    if (known !== undefined && performance.now() < known.untilMs) return known.id;
    return this.#remember(url, this.#probe(url));
  }

  #remember(url: string, id: Known["id"]): Known["id"] {
    if (this.#known.size >= SERVERS_MAX) this.#known.clear();
    this.#known.set(url, { id, untilMs: performance.now() + BELIEVED_MS });
    return id;
  }

  /** Asked without a key: it goes to nobody who is not known yet. */
  async #probe(url: string): Promise<string | undefined> {
    try {
      const answer = await this.#exchange.platform.transport.send({
        method: "GET",
        url: new URL("/health", url),
        headers: {},
        signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      });
      const told = parseJson(await readText(answer));
      if (answer.status !== 200 || typeof told !== "object" || told === null || !("server" in told)) return undefined;
      return String(told.server);
    } catch {
      return undefined;
    }
  }
}
