import { beforeEach, describe, expect, it } from "vitest";
import { type Seat, Seats } from "./seats.ts";

let roomBytes: number;
let isHeldForUpload: boolean;
let pulls: Seat[];
let seats: Seats;

beforeEach(() => {
  roomBytes = 0;
  isHeldForUpload = false;
  pulls = [];
  seats = new Seats({ roomBytes: () => roomBytes, isHeldForUpload: () => isHeldForUpload }, () => pulls);
});

function begin(bytesLeft: number) {
  const seat = { bytesLeft, isSeated: false, isMakingRoom: false, purpose: "extra" as const } satisfies Seat;
  pulls.push(seat);
  return seat;
}

describe("room that a copy was given up for", () => {
  it("is not that copy's again, neither while more go for it nor before it is claimed", async () => {
    const wanted = begin(100);
    const seen: [missing: number, mayComeBack: boolean][] = [];
    const look = (givenUp: Seat) => seen.push([seats.missingFor(givenUp), seats.mayComeBack(givenUp)]);
    const isThere = await seats.take(wanted, async (missing) => {
      expect(missing()).toBe(100);
      roomBytes = 60; // The first has gone.
      look(begin(60));
      roomBytes = 110;
      return true;
    });
    expect(isThere).toBe(true);
    look(pulls[1]!);
    wanted.bytesLeft = 0; // Claimed.
    roomBytes = 10;
    look(pulls[1]!);
    expect(seen).toEqual([
      [100, false],
      [50, false],
      [50, false],
    ]);
  });

  it("is anybody's when it was not enough", async () => {
    const wanted = begin(100);
    const isThere = await seats.take(wanted, async (missing) => {
      missing();
      return false;
    });
    expect(isThere).toBe(false);
    roomBytes = 60;
    expect(seats.missingFor(begin(60))).toBe(0);
  });

  it("is not kept for one that waits for its turn", async () => {
    const waiting = begin(100);
    const turn = Promise.withResolvers<boolean>();
    const taken = seats.take(waiting, () => turn.promise);
    roomBytes = 50;
    expect(seats.missingFor(begin(50))).toBe(0);
    turn.resolve(false);
    expect(await taken).toBe(false);
  });
});

describe("a copy in the trash", () => {
  it("comes back though there is too little room, as long as nobody counts on its bytes", () => {
    expect(seats.mayComeBack(begin(100))).toBe(true);
    isHeldForUpload = true;
    expect(seats.mayComeBack(begin(100))).toBe(false);
  });
});
