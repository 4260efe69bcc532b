/**
 * Room for the pulls under way: what a copy was given up for is for nothing else until it is claimed, byte by byte as they
 * come. Without that the copy itself would take the room again, out of the trash or from another server, time after time.
 */
import type { Purpose, Space } from "../storage/space.ts";

/** A pull's part of the room. */
export interface Seat {
  /** Bytes that it will still claim, at most: none that it has claimed, from that moment on. */
  readonly bytesLeft: number;
  /** Whether there is room for them, or will be when others have claimed theirs. */
  isSeated: boolean;
  /** Copies are given up for it just now. */
  isMakingRoom: boolean;
  /** What of the trash gives way to it. */
  readonly purpose: Purpose;
}

export class Seats {
  readonly #space: Pick<Space, "roomBytes" | "isHeldForUpload">;
  readonly #all: () => Iterable<Seat>;

  constructor(space: Pick<Space, "roomBytes" | "isHeldForUpload">, all: () => Iterable<Seat>) {
    this.#space = space;
    this.#all = all;
  }

  /** Bytes that a pull lacks; what others have a right to is not there. */
  missingFor(seat: Seat): number {
    let bytes = seat.bytesLeft - this.#space.roomBytes(seat.purpose);
    for (const other of this.#others(seat)) bytes += other.bytesLeft;
    return bytes;
  }

  /** A copy that comes out of the trash takes no room but what that would give to another pull, or to an upload (S3). */
  mayComeBack(seat: Seat): boolean {
    if (seat.isSeated || this.missingFor(seat) <= 0) return true;
    return this.#others(seat).length === 0 && !this.#space.isHeldForUpload();
  }

  /** Answers whether it has its room now. @param make gives up copies for what is missing when it is its turn */
  async take(seat: Seat, make: (missing: () => number) => Promise<boolean>): Promise<boolean> {
    if (!seat.isSeated) seat.isSeated = this.missingFor(seat) <= 0;
    if (seat.isSeated) return true;
    const missing = () => {
      seat.isMakingRoom = true; // It is its turn.
      return this.missingFor(seat);
    };
    try {
      seat.isSeated = await make(missing);
    } finally {
      seat.isMakingRoom = false;
    }
    return seat.isSeated;
  }

  #others(seat: Seat): Seat[] {
    return [...this.#all()].filter((other) => other !== seat && (other.isSeated || other.isMakingRoom));
  }
}
