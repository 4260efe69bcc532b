/** What operators want of the servers now: said at run time (server-settings.ts) or with the start (start-flags.ts). */
import type { ServerId } from "../../core/ids.ts";
import type { Settings } from "../settings.ts";
import type { Rate, ServerSettings } from "./server-settings.ts";
import type { StartFlags } from "./start-flags.ts";

/** Pulls at once. */
const PULLS = 4;
const NOTHING_SAID: ServerSettings = {};

export class Directives {
  readonly #settings: Settings;
  readonly #self: ServerId;
  readonly #flags: StartFlags;

  constructor(settings: Settings, self: ServerId, flags: StartFlags) {
    this.#settings = settings;
    this.#self = self;
    this.#flags = flags;
  }

  /** Called when something may have been said. */
  onChange(listener: () => void): void {
    this.#settings.onChange(listener);
  }

  /** What was said for a server at run time. */
  saidFor(server: ServerId): ServerSettings {
    return this.#settings.servers.get(server) ?? NOTHING_SAID;
  }

  /** It does no work of its own: no pulls, drops and hand-overs. */
  isPausedAt(server: ServerId): boolean {
    return this.saidFor(server).paused === true;
  }

  /** Of this server. */
  get isPaused(): boolean {
    return this.isPausedAt(this.#self);
  }

  /** It gives its copies to others, promises none, and takes what is new only when nobody else can. */
  isDraining(server: ServerId): boolean {
    return this.saidFor(server).draining === true;
  }

  /** Of this server. */
  get isDrainingHere(): boolean {
    return this.isDraining(this.#self);
  }

  /** Pulls at once on this server. */
  get pulls(): number {
    const said = this.#flags.saysNow("pulls") ? undefined : this.saidFor(this.#self).pulls;
    return said ?? this.#flags.given.pulls ?? PULLS;
  }

  /** This server's quota; undefined: nobody said one. */
  get quotaBytes(): number | undefined {
    const said = this.#flags.saysNow("quotaBytes") ? undefined : this.saidFor(this.#self).quotaBytes;
    return said ?? this.#flags.given.quotaBytes;
  }

  /** Bytes a second that pulls may bring in here; undefined: no bound. */
  get pullRate(): number | undefined {
    return this.#rate("pullRate");
  }

  /** Bytes a second that others may pull from here; undefined: no bound. */
  get serveRate(): number | undefined {
    return this.#rate("serveRate");
  }

  #rate(name: "pullRate" | "serveRate"): number | undefined {
    const said: Rate | undefined = this.#flags.saysNow(name) ? undefined : this.saidFor(this.#self)[name];
    return said === "unlimited" ? undefined : (said ?? this.#flags.given[name]);
  }
}
