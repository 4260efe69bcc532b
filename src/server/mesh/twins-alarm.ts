/** Tells of servers that two processes run as: once in the log, and while it is so to whoever asks for alarms. */
import type { ServerId } from "../../core/ids.ts";
import type { Liveness } from "../../core/swarm/liveness.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Settings } from "../settings.ts";

interface TwinsAlarmParts {
  readonly liveness: Liveness;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
}

export class TwinsAlarm {
  readonly #parts: TwinsAlarmParts;
  readonly #told = new Set<ServerId>();

  constructor(parts: TwinsAlarmParts) {
    this.#parts = parts;
  }

  /** Since when it is so of a server, by the wall clock; undefined when it is not. */
  sinceMs(server: ServerId): number | undefined {
    const { liveness, clock } = this.#parts;
    const since = liveness.twins.since(server, clock.monotonic());
    return since === undefined ? undefined : Math.round(clock.wall() - (clock.monotonic() - since));
  }

  /** To be called now and then. */
  look(): void {
    const { settings, log } = this.#parts;
    for (const { id, name } of settings.roster.values()) {
      if (this.#told.has(id) || this.sinceMs(id) === undefined) continue;
      this.#told.add(id);
      log.error("ALARM: two processes run as one server, see fsdfs servers", { server: id, name });
    }
  }
}
