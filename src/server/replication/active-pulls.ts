/**
 * The copies that are being made here. Those beyond N give way to uploads (S3): once they are there they would, so nobody is to
 * be told that there is no room while they come.
 */
import type { VersionId } from "../../core/ids.ts";
import type { StagedWriter } from "../storage/staging.ts";
import type { RoomWish } from "./room-maker.ts";
import type { Seat } from "./seats.ts";

/** What another server wants, and what may go for that here. */
export type HandedOver = Pick<RoomWish, "spared" | "gainsZone" | "swapped"> & { readonly surplus: number };

/** Why a pull ends whose room an upload takes. */
const GIVES_WAY = "gives way";

export interface ActivePull extends Seat {
  done: Promise<boolean>;
  readonly sizeBytes: number;
  /** What takes its bytes; undefined while nothing does. */
  writer: Pick<StagedWriter, "claimedBytes"> | undefined;
  /** When it is so that another server can take another file (R3). */
  readonly handedOver: HandedOver | undefined;
  /** Its file has N copies without it. */
  readonly isExtra: boolean;
  readonly ending: AbortController;
}

export class ActivePulls extends Map<VersionId, ActivePull> {
  /** What they will still claim, at most. */
  bytesLeft(): number {
    return [...this.values()].reduce((bytes, pull) => bytes + pull.bytesLeft, 0);
  }

  /** What those have claimed that give way. */
  givingWayBytes(): number {
    return this.#givingWay().reduce((bytes, pull) => bytes + pull.sizeBytes - pull.bytesLeft, 0);
  }

  /** Ends those that give way, and waits until their bytes are gone, or are a copy, where all had come. */
  async giveWay(): Promise<void> {
    const pulls = this.#givingWay();
    for (const { ending } of pulls) ending.abort(GIVES_WAY);
    await Promise.allSettled(pulls.map(({ done }) => done));
  }

  async ended(): Promise<void> {
    await Promise.allSettled(Array.from(this.values(), ({ done }) => done));
  }

  #givingWay(): ActivePull[] {
    return [...this.values()].filter(({ isExtra, handedOver }) => isExtra && handedOver === undefined);
  }
}

export function gaveWay({ ending }: ActivePull): boolean {
  return ending.signal.reason === GIVES_WAY;
}
