/**
 * Builds the catalog of a server that holds a great many files together with two others, through the rules that a live
 * server uses, without any file on the disk: records of three origins, four for each file (one content, three holdings).
 */

import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { openDiskFileStore } from "../../src/adapters/disk/file-store.ts";
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import type { TreeSize } from "../../src/adapters/lmdb/tables.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { systemRandom } from "../../src/adapters/system/random.ts";
import { encodeContent } from "../../src/core/catalog/content.ts";
import { addCopy, addTrash, placeCopy } from "../../src/core/catalog/copies.ts";
import { CONTENT_FIELD } from "../../src/core/catalog/merge.ts";
import type { Origin } from "../../src/core/catalog/types.ts";
import { type HybridTime, type ServerId, type VersionId, versionId } from "../../src/core/ids.ts";
import type { FilePath } from "../../src/core/paths.ts";
import type { CatalogStore } from "../../src/ports/catalog-store.ts";
import { Catalog } from "../../src/server/catalog/catalog.ts";
import type { Change } from "../../src/server/catalog/change.ts";
import { Identity } from "../../src/server/identity.ts";
import { anchor } from "../../src/server/mesh/seat.ts";
import { writeRosterEntry } from "../../src/server/settings.ts";
import { trashName } from "../../src/server/storage/layout.ts";
import { loudLog } from "../../tests/loud-log.ts";

/** Files in one transaction. */
const BATCH_FILES = 500;
const ALBUMS_PER_ARTIST = 10;
const TITLES_PER_ALBUM = 12;
/** A prime that no count of albums here is a multiple of: walks them all in an order that is no order of names. */
const STRIDE = 7_919;

const ARTISTS = ["Northern", "Silver", "Velvet", "Broken", "Electric", "Quiet", "Golden", "Hollow"];
const ALBUMS = ["Rivers", "Winter", "Machines", "Harbour", "Letters", "Daylight"];
const TITLES = ["Overture", "The Long Way Home", "Rain", "Passing Trains", "Lanterns", "Second Sight", "Embers"];

/** Servers that hold files besides the one whose catalog it is. */
export interface Others {
  readonly origins: readonly Origin[];
  /** Which of them hold a file. */
  holdersOf(index: number): readonly number[];
  /** Whether this server does. */
  isHere(index: number): boolean;
}

/** Three servers that hold all files. */
const TWO_OTHERS: Others = { origins: otherOrigins(2), holdersOf: () => [0, 1], isHere: () => true };

export function otherOrigins(count: number): Origin[] {
  const incarnation = (Date.now() * 1024) as HybridTime;
  return Array.from({ length: count }, (_, i) => ({
    server: `b${String(i + 1).padStart(11, "0")}` as ServerId,
    incarnation,
  }));
}

export interface Built {
  readonly server: ServerId;
  readonly dataBytes: number;
  readonly trees: readonly TreeSize[];
  readonly seconds: number;
}

/**
 * @param data the data directory, which is made
 * @param state where the catalog lies
 * @param leastBytes what each file says to have at least; up to 6 MB more
 */
export async function buildHolder(
  data: string,
  state: string,
  files: number,
  progress: (done: number) => void,
  leastBytes = 3_000_000,
): Promise<Built> {
  const start = performance.now();
  await mkdir(data, { recursive: true });
  const disk = await openDiskFileStore(data);
  const store = openLmdbCatalogStore(state);
  try {
    const identity = await Identity.load(store, disk, systemRandom, false);
    const swarm = identity.newSwarm();
    await anchor(store, swarm);
    await identity.join(swarm);
    await buildInto(store, identity.server, files, progress, leastBytes);
    const seconds = (performance.now() - start) / 1000;
    return { server: identity.server, dataBytes: store.sizeBytes(), trees: store.treeSizes(), seconds };
  } finally {
    await store.close();
  }
}

/** Writes the records of all files, three holdings each unless `others` says otherwise. */
export async function buildInto(
  store: CatalogStore,
  self: ServerId,
  files: number,
  progress: (done: number) => void,
  leastBytes: number,
  others = TWO_OTHERS,
): Promise<void> {
  const catalog = openCatalog(store, self);
  const numbers = others.origins.map(() => 0);
  await catalog.mintOrigin(0 as HybridTime, 0);
  for (let first = 0; first < files; first += BATCH_FILES) {
    const end = Math.min(files, first + BATCH_FILES);
    await catalog.change((change) => {
      for (let i = first; i < end; i++) {
        const version = writeFile(change, self, i, files, leastBytes, others.isHere(i));
        for (const other of others.holdersOf(i)) {
          numbers[other]! += 1;
          holdElsewhere(change, version, others.origins[other]!, numbers[other]!);
        }
      }
      for (const [other, origin] of others.origins.entries()) {
        change.announce({ origin, number: numbers[other]!, chain: 0, floor: 0 });
      }
    });
    progress(end);
  }
  await catalog.flushed();
}

/** Rows of so many files that were deleted, which lie in the trash of a server that does not run. Answers where. */
export async function fillTrash(state: string, self: ServerId, files: number, sizeBytes: number): Promise<string[]> {
  const store = openLmdbCatalogStore(state);
  const locations: string[] = [];
  try {
    const catalog = openCatalog(store, self);
    catalog.useStoredOrigin();
    for (let first = 0; first < files; first += BATCH_FILES) {
      const end = Math.min(files, first + BATCH_FILES);
      await catalog.change((change) => {
        for (let i = first; i < end; i++) {
          const path = pathOfFile(i, files);
          const time = change.now();
          const version = versionId(time, self);
          const location = trashName(version, path);
          addTrash(change.transaction, version, { time, path, location, sizeBytes, reason: "deleted" });
          locations.push(location);
        }
      });
    }
    await catalog.flushed();
    return locations;
  } finally {
    await store.close();
  }
}

/** Enters a server that is never up into the roster of a server that does not run. */
export async function addSilentServer(state: string, self: ServerId): Promise<void> {
  const store = openLmdbCatalogStore(state);
  try {
    const catalog = openCatalog(store, self);
    catalog.useStoredOrigin();
    const id = "e00000000003" as ServerId;
    const addresses = ["127.0.0.1:9"];
    await catalog.change((change) => {
      const entry = { id, name: "silent", zone: id, url: undefined, addresses, httpPort: 9, softwareVersion: "bench" };
      writeRosterEntry(change, entry);
    });
    await catalog.flushed();
  } finally {
    await store.close();
  }
}

function openCatalog(store: CatalogStore, self: ServerId): Catalog {
  return new Catalog(store, systemClock, { self, counts: () => true, defaultTarget: 3 }, loudLog);
}

function writeFile(
  change: Change,
  self: ServerId,
  index: number,
  files: number,
  leastBytes: number,
  isHere: boolean,
): VersionId {
  const path = pathOfFile(index, files);
  const time = change.now();
  const version = versionId(time, self);
  const sha256 = createHash("sha256").update(path).digest("hex");
  const sizeBytes = leastBytes + (Number.parseInt(sha256.slice(0, 6), 16) % 6_000_000);
  const content = encodeContent({ type: "file", version, sizeBytes, sha256, request: undefined });
  change.writePath(path, CONTENT_FIELD, content, time);
  if (isHere) {
    change.writeHolding(version, true);
    holdHere(change, version, path, sizeBytes, index);
  }
  return version;
}

function holdElsewhere(change: Change, version: VersionId, origin: Origin, number: number): void {
  const key = { kind: "holding", version, holder: origin.server } as const;
  change.merge({ key, stamp: undefined, value: Uint8Array.of(1), origin, number });
}

function holdHere(change: Change, version: VersionId, path: FilePath, sizeBytes: number, index: number): void {
  const modifiedNs = BigInt(Date.now()) * 1_000_000n;
  const copy = { path, location: path, staged: undefined, sizeBytes, inode: 1_000_000 + index, modifiedNs };
  addCopy(change.transaction, version, copy);
  placeCopy(change.transaction, version, copy);
}

/** Some 40 characters; all different, albums put in whole and in no order. */
export function pathOfFile(index: number, files: number): FilePath {
  const albums = Math.ceil(files / TITLES_PER_ALBUM);
  const album = (Math.floor(index / TITLES_PER_ALBUM) * STRIDE) % albums;
  const artist = Math.floor(album / ALBUMS_PER_ARTIST);
  const track = index % TITLES_PER_ALBUM;
  const names = [
    "music",
    `${ARTISTS[artist % ARTISTS.length]} ${artist}`,
    `${ALBUMS[album % ALBUMS.length]} ${album % ALBUMS_PER_ARTIST}`,
    `${String(track + 1).padStart(2, "0")} ${TITLES[(album + track) % TITLES.length]}.ogg`,
  ];
  return names.join("/") as FilePath;
}
