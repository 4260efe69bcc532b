import { describe, expect, it } from "vitest";
import { type PlacedFile, type Placement, permittedMoves, roomForUpload } from "./moves.ts";

/** N is 3, W 2. */
function file(path: string, sizeBytes: number, ...holders: string[]): PlacedFile {
  return { path, sizeBytes, target: 3, surplus: holders.length - 3, holders: new Set(holders) };
}

function swarm(quotas: Record<string, number>, ...files: PlacedFile[]): Placement {
  const servers = Object.entries(quotas).map(([id, limitBytes]) => {
    const held = files.filter(({ holders }) => holders.has(id));
    return {
      id,
      name: id,
      limitBytes,
      trashBytes: 0,
      copyBytes: held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    };
  });
  return { files, servers, writeCopies: 2 };
}

const FOUR = { s1: 10, s2: 10, s3: 10, s4: 10 };

describe("the oracle of permitted moves", () => {
  it("P6: sees a file that there is free quota for, and none where it does not fit", () => {
    const moves = permittedMoves(swarm({ s1: 10, s2: 5, s3: 4 }, file("a", 5, "s1")));
    expect(moves).toEqual([expect.stringContaining("s2 has 5 bytes free")]);
  });

  it("P6: sees no free quota where what users deleted lies, but for a file below N", () => {
    const [extra, few] = [file("a", 5, "s1", "s3", "s4"), file("b", 5, "s1")];
    const quotas = { s1: 10, s2: 10, s3: 5, s4: 5 };
    const withTrash = (each: PlacedFile) => {
      const placement = swarm(quotas, each);
      return { ...placement, servers: placement.servers.map((server) => ({ ...server, trashBytes: 6 })) };
    };
    expect(permittedMoves(withTrash(extra))).toEqual([]);
    expect(permittedMoves(withTrash(few))).toEqual(expect.arrayContaining([expect.stringContaining("s2 has")]));
  });

  it("sees no move of a file that nobody up holds", () => {
    expect(permittedMoves(swarm(FOUR, file("a", 5)))).toEqual([]);
  });

  it("R1: a copy may go for a file whose surplus is lower by two, not by one", () => {
    const many = file("a", 10, "s1", "s2", "s3");
    expect(permittedMoves(swarm(FOUR, many, file("b", 10, "s4")))).toHaveLength(3);
    expect(permittedMoves(swarm({ ...FOUR, s5: 10 }, many, file("b", 10, "s4", "s5")))).toEqual([]);
  });

  it("D1: not for want of promises", () => {
    const unlike = { ...file("a", 10, "s1", "s2"), target: 1, surplus: 1 };
    const { surplus, ...wanted } = { ...file("b", 10, "s3"), target: 3 };
    expect(permittedMoves(swarm({ s1: 10, s2: 10, s3: 10 }, unlike, { ...wanted, surplus }))).toHaveLength(2);
    expect(
      permittedMoves({ ...swarm({ s1: 10, s2: 10, s3: 10 }, { ...unlike, target: 2 }, { ...wanted, surplus }) }),
    ).toEqual([]);
  });

  it("counts free room and several copies together, and leaves alone what they are too few for", () => {
    const files = [file("a", 3, "s1", "s2", "s3"), file("b", 3, "s1", "s2", "s3"), file("c", 8, "s4")];
    expect(permittedMoves(swarm({ s1: 8, s2: 7, s3: 6, s4: 8 }, ...files))).toEqual([
      expect.stringContaining("s1 could take c (8 bytes, surplus -2) in the place of a (3 bytes, surplus 0), b"),
    ]);
  });

  it("S3: knows what an upload could have", () => {
    const files = [file("a", 6, "s1", "s2", "s3"), file("b", 4, "s1", "s4")];
    const roomsOf = (placement: Placement) => placement.servers.map((server) => roomForUpload(server, placement, 3));
    expect(roomsOf({ ...swarm(FOUR, ...files), writeCopies: 1 })).toEqual([10, 10, 10, 10]);
    // The other target of the upload may give up its copy of the same file first.
    expect(roomsOf(swarm(FOUR, ...files))).toEqual([0, 4, 4, 6]);
    expect(roomsOf(swarm(FOUR, ...files, file("c", 4, "s1", "s2", "s3", "s4")))).toEqual([0, 4, 4, 6]);
  });
});
