/**
 * Who this server is and which swarm it belongs to: in the catalog, and as a mark in the data directory by which a disk
 * that is not mounted, or belongs to another server, is noticed (S9).
 */
import { fromUtf8, hex, utf8 } from "../core/bytes.ts";
import { metaKey, tableRange } from "../core/catalog/keys.ts";
import type { WriteView } from "../core/catalog/kv.ts";
import { removeAll } from "../core/catalog/pieces.ts";
import { isServerId, isSwarmId, SERVER_ID_BYTES, type ServerId, SWARM_ID_BYTES, type SwarmId } from "../core/ids.ts";
import { FsdfsError } from "../errors.ts";
import type { CatalogStore } from "../ports/catalog-store.ts";
import type { FileStore } from "../ports/file-store.ts";
import type { Random } from "../ports/random.ts";
import { clear } from "./catalog/clear.ts";
import { REMOVED_KEY } from "./mesh/removal.ts";
import { isDiskError, removeQuietly } from "./storage/disk.ts";
import {
  ASIDE_DIRECTORY,
  asideName,
  IDENTITY_FILE,
  STATE_DIRECTORY,
  TRASH_DIRECTORY,
  WORK_DIRECTORIES,
} from "./storage/layout.ts";

const SERVER_KEY = metaKey("server");
const SWARM_KEY = metaKey("swarm");
/** Set where the data directory was one of another server, whose catalog is lost. */
const RENEWED_KEY = metaKey("renewed");
/** Addresses of a roster are called once in 30 s at least (mesh/dialer.ts). */
const CALLED_WITHIN_MS = 35_000;

export class Identity {
  readonly server: ServerId;
  readonly #store: CatalogStore;
  readonly #random: Random;
  #swarm: SwarmId | undefined;

  private constructor(server: ServerId, swarm: SwarmId | undefined, store: CatalogStore, random: Random) {
    this.server = server;
    this.#swarm = swarm;
    this.#store = store;
    this.#random = random;
  }

  /** Reads who this server is, or makes a new one of an unused data directory. */
  static async load(store: CatalogStore, files: FileStore, random: Random, asNew: boolean): Promise<Identity> {
    await prepareDirectories(files);
    if (store.read().get(REMOVED_KEY) !== undefined) await beginAnew(store, files, asNew);
    const known = readText(store, SERVER_KEY);
    const marked = await readMark(files);
    if (known === undefined || (marked !== undefined && marked !== known && asNew)) await setTrashAside(files, random);
    if (known !== undefined && isServerId(known) && (marked === known || asNew)) {
      if (marked !== known) await writeMark(files, known);
      const swarm = readText(store, SWARM_KEY);
      return new Identity(known, swarm !== undefined && isSwarmId(swarm) ? swarm : undefined, store, random);
    }
    if (known !== undefined && marked === undefined) throw new FsdfsError("data-lost-identity");
    if (known !== undefined && marked !== known) throw new FsdfsError("data-foreign");
    if (marked !== undefined) await removeQuietly(files, IDENTITY_FILE); // Its catalog is lost: a new server.
    const server = hex(random.bytes(SERVER_ID_BYTES)) as ServerId;
    await store.write((view) => {
      view.put(SERVER_KEY, utf8(server));
      if (marked !== undefined) view.put(RENEWED_KEY, utf8("1"));
    });
    await store.flushed();
    await writeMark(files, server);
    return new Identity(server, undefined, store, random);
  }

  get swarm(): SwarmId | undefined {
    return this.#swarm;
  }

  /** For so long a swarm may be looking for the server that this one was before its catalog was lost, and find this one. */
  get calledWithinMs(): number {
    return this.#store.read().get(RENEWED_KEY) === undefined ? 0 : CALLED_WITHIN_MS;
  }

  newSwarm(): SwarmId {
    return hex(this.#random.bytes(SWARM_ID_BYTES)) as SwarmId;
  }

  /** Belongs to `swarm` from now on, durably. */
  async join(swarm: SwarmId): Promise<void> {
    await this.#store.write((view) => {
      view.put(SWARM_KEY, utf8(swarm));
    });
    await this.#store.flushed();
    this.#swarm = swarm;
  }

  /** In a transaction: belongs to `swarm` from now on. Answers what takes that back, should the transaction fail. */
  move(view: WriteView, swarm: SwarmId): () => void {
    const before = this.#swarm;
    view.put(SWARM_KEY, utf8(swarm));
    this.#swarm = swarm;
    return () => {
      this.#swarm = before;
    };
  }
}

/** Of a server that was removed from its swarm only the files are left. @throws FsdfsError `server-removed` unless asked to */
async function beginAnew(store: CatalogStore, files: FileStore, asNew: boolean): Promise<void> {
  if (!asNew) throw new FsdfsError("server-removed", { server: "This server" });
  await store.write((view) => {
    clear(view);
    removeAll(view, tableRange("meta"));
  });
  await store.flushed();
  await removeQuietly(files, IDENTITY_FILE);
}

function readText(store: CatalogStore, key: Uint8Array): string | undefined {
  const row = store.read().get(key);
  return row === undefined ? undefined : fromUtf8(row);
}

/** Files go from one to the other by renames only (S1). @throws FsdfsError `data-not-writable`, `data-divided` */
async function prepareDirectories(files: FileStore): Promise<void> {
  for (const name of [STATE_DIRECTORY, ...WORK_DIRECTORIES]) {
    try {
      await files.makeDirectory(name);
    } catch (error) {
      if (isDiskError(error, "exists")) continue;
      const reason = error instanceof Error ? error.message : "unknown";
      throw new FsdfsError("data-not-writable", { reason }, { cause: error });
    }
  }
  await files.syncDirectory(STATE_DIRECTORY);
  await files.syncDirectory("");
  const device = (await files.stat(""))?.device;
  for (const name of WORK_DIRECTORIES) {
    if ((await files.stat(name))?.device !== device) throw new FsdfsError("data-divided", { name });
  }
}

/** What the lost catalog, or another server's, knew to be trash is the operator's: this one's would take it for rubbish (S2). */
async function setTrashAside(files: FileStore, random: Random): Promise<void> {
  for await (const names of files.listInBatches(TRASH_DIRECTORY)) {
    if (names.length === 0) continue;
    await files.rename(TRASH_DIRECTORY, asideName(`trash-${hex(random.bytes(SERVER_ID_BYTES))}`));
    await files.makeDirectory(TRASH_DIRECTORY);
    await files.syncDirectory(ASIDE_DIRECTORY);
    return await files.syncDirectory(STATE_DIRECTORY);
  }
}

async function readMark(files: FileStore): Promise<string | undefined> {
  try {
    const file = await files.open(IDENTITY_FILE);
    try {
      const buffer = new Uint8Array(64);
      return fromUtf8(buffer.subarray(0, await file.read(buffer, 0))).trim();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isDiskError(error, "missing")) return undefined;
    throw error;
  }
}

async function writeMark(files: FileStore, server: ServerId): Promise<void> {
  await removeQuietly(files, IDENTITY_FILE);
  const file = await files.create(IDENTITY_FILE);
  await file.write(utf8(`${server}\n`));
  await file.sync();
  await file.close();
  await files.syncDirectory(STATE_DIRECTORY);
}
