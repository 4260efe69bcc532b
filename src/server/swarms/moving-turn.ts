/**
 * When a guest's server may give its catalog up for the host's (J3 in guest.ts). Where one server of the host alone knows what
 * was offered, as of a host that is one server, and all of the guest's moved at once, the loss of that one would lose their
 * catalog: nobody would know any more which files there are. So they move at once only when W servers of the host's swarm
 * know it all; else one after the other, in the order of their ids. Who has moved, and has the host's catalog, is one of those.
 */
import type { ServerId } from "../../core/ids.ts";
import { RemoteError } from "../../ports/network.ts";
import type { Parts } from "../parts.ts";
import type { Joining, TakenAnswer } from "./messages.ts";

/** Longer than giving up a catalog of ten million files takes, during which a server answers nothing. */
const UNHEARD_MS_MAX = 5 * 60_000;

/** Asks the server at an address how far the host's swarm has taken the guest in. */
type Ask = (address: string) => Promise<TakenAnswer>;

/** What a server answered, by its address: "refused" is an answer as well, of one that is behind or has not moved. */
type Heard = TakenAnswer | "refused" | undefined;

export class MovingTurn {
  readonly #parts: Omit<Parts, "guest">;
  readonly #ask: Ask;
  /** When one that is to move before this server was heard last. */
  #heardAt: number | undefined;

  constructor(parts: Omit<Parts, "guest">, ask: Ask) {
    this.#parts = parts;
    this.#ask = ask;
  }

  async isNow({ addresses }: Joining): Promise<boolean> {
    const { settings, mesh, catalog, ports } = this.#parts;
    const mine = [...settings.roster.values()].filter(({ id }) => id !== catalog.self);
    const asked = [...new Set([...addresses, ...mine.flatMap((entry) => entry.addresses)])];
    const heard = new Map(await Promise.all(asked.map(async (each) => [each, await this.#hear(each)] as const)));
    const knowing = new Set<ServerId>();
    for (const answer of heard.values()) if (typeof answer === "object" && answer.done) knowing.add(answer.server);
    const before = mine.filter(({ id }) => id < catalog.self && !knowing.has(id));
    if (knowing.size >= settings.writeCopies || before.length === 0) return true;
    const now = ports.clock.monotonic();
    const isHeard = before.some((entry) => mesh.isUp(entry.id) || entry.addresses.some((each) => heard.get(each)));
    if (isHeard || this.#heardAt === undefined) this.#heardAt = now;
    return now - this.#heardAt > UNHEARD_MS_MAX;
  }

  async #hear(address: string): Promise<Heard> {
    return await this.#ask(address).catch((error: unknown) => (error instanceof RemoteError ? "refused" : undefined));
  }
}
