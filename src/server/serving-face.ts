/**
 * The public face of a server: checks paths, makes sure that this server may answer, or has another one do it, and calls
 * the operation.
 */
import type { Bytes } from "../core/catalog/kv.ts";
import type { Variables } from "../core/catalog/variables.ts";
import type { Conditions } from "../core/conditions.ts";
import { type FilePath, parseDirectoryPath, parsePath } from "../core/paths.ts";
import { FsdfsError } from "../errors.ts";
import { FileStoreError } from "../ports/file-store.ts";
import type {
  AdoptEvent,
  AdoptOptions,
  ClockRepair,
  ClockStatus,
  CreatedKey,
  Credential,
  EmptiedTrash,
  EmptyTrashOptions,
  EntryInfo,
  Face,
  Health,
  KeyInfo,
  Listing,
  ListOptions,
  Location,
  ManyVariablesOptions,
  MergePlan,
  MergeState,
  OpenedFile,
  OpenOptions,
  PolicyLogEntry,
  PolicyStatus,
  PolicyTrial,
  Principal,
  PutOptions,
  PutResult,
  RemovedServer,
  RemoveOptions,
  Restored,
  RestoreWish,
  Scope,
  ServerChanges,
  ServerFilesPage,
  ServerInfo,
  SwarmChanges,
  SwarmEvent,
  SwarmStatus,
  TrashListOptions,
  TrashPage,
  VariableChange,
  VariableChanges,
  VariableFailure,
  VerifyEvent,
  VerifyOptions,
  WatchOptions,
} from "./face.ts";
import { guarded, guardedStream } from "./failures.ts";
import { forwardOpen, forwardPlain, forwardPut, forwardTargets, type PlainOperation } from "./forward.ts";
import type { Link } from "./mesh/link.ts";
import { makeDirectory, move, remove } from "./operations/change-names.ts";
import { clock, repairClock } from "./operations/clock.ts";
import { atOwner, conditionalPut } from "./operations/conditional.ts";
import { configureServer, configureSwarm } from "./operations/configure.ts";
import { drop } from "./operations/drop.ts";
import { authenticate, createKey, listKeys, revokeKey } from "./operations/keys.ts";
import { policyLog, policyStatus, resetPolicy, setPolicy, tryPolicy } from "./operations/policy.ts";
import { put } from "./operations/put.ts";
import { head, heat, LOCATE_MAX, list, locate, open, openVersion } from "./operations/read.ts";
import { removeServer } from "./operations/remove-server.ts";
import { checkPutOptions, checkRequestId } from "./operations/request-options.ts";
import { parseWish, restore } from "./operations/restore.ts";
import { health, serverFiles, servers, status } from "./operations/servers.ts";
import { emptyTrash, listTrash } from "./operations/trash.ts";
import { OpenBody, placeElsewhere } from "./operations/unplaced.ts";
import { checkChanges, setManyVariables, setVariables } from "./operations/variables.ts";
import type { Parts } from "./parts.ts";
import type { StagedWriter } from "./storage/staging.ts";

/** An upload of unknown size goes elsewhere when there is less room than this here, and much more there. */
const UNKNOWN_SIZE_BYTES = 1024 ** 3;

export class ServingFace implements Face {
  readonly #parts: Parts;
  readonly #forwards: boolean;

  /** `forwards` is false for what another server has forwarded to this one. */
  constructor(parts: Parts, forwards: boolean) {
    this.#parts = parts;
    this.#forwards = forwards;
  }

  async put(path: string, body: AsyncIterable<Bytes>, options: PutOptions = {}): Promise<PutResult> {
    const file = parsePath(path);
    checkRequestId(options);
    checkPutOptions(options);
    return await guarded(async () => {
      if (options.conditions !== undefined) {
        return await conditionalPut(this.#parts, file, body, options, this.#forwards);
      }
      const elsewhere = (await this.#ready()) ?? (await this.#roomierThanHere(options.sizeBytes));
      if (elsewhere !== undefined)
        return await forwardPut(elsewhere, file, body, options, this.#parts.ports.clock.wall());
      const incoming = new OpenBody(body);
      const placed = (begun: StagedWriter) => placeElsewhere(this.#parts, file, begun, incoming, options);
      try {
        return await put(this.#parts, file, incoming, options, this.#forwards ? placed : undefined);
      } catch (error) {
        // The disk took not even an empty file: another server may do better, and the body is there still (S1).
        const other = error instanceof FileStoreError ? await this.#roomierThanHere(options.sizeBytes) : undefined;
        if (other === undefined) throw error;
        if (incoming.isBegun) throw new FsdfsError("overloaded", {}, { cause: error }); // Sent again it goes there.
        return await forwardPut(other, file, incoming, options, this.#parts.ports.clock.wall());
      } finally {
        incoming.end();
      }
    });
  }

  async makeDirectory(path: string, options: { conditions?: Conditions } = {}): Promise<void> {
    const directory = parseDirectoryPath(path);
    if (directory === "") return;
    const here = () => makeDirectory(this.#parts, directory, options.conditions);
    await this.#change("makeDirectory", directory, options, here);
  }

  async head(path: string): Promise<EntryInfo> {
    const file = parseDirectoryPath(path);
    return await this.#run("head", [file], async () => head(this.#parts.lookups, file));
  }

  async open(path: string, options: OpenOptions = {}): Promise<OpenedFile> {
    const file = parsePath(path);
    const opened = await guarded(async () => {
      if (options.version !== undefined) return await openVersion(this.#parts, file, options.version);
      const elsewhere = await this.#ready();
      if (elsewhere !== undefined) return await forwardOpen(elsewhere, file, options, this.#parts.ports.clock);
      return await open(this.#parts, file, options);
    });
    if (opened.kind === "redirect") return opened;
    return { ...opened, stream: (start, end) => guardedStream(opened.stream(start, end)) };
  }

  async remove(path: string, options: RemoveOptions = {}): Promise<void> {
    const entry = parseDirectoryPath(path);
    checkRequestId(options);
    if (entry === "") throw new FsdfsError("argument-invalid", { name: "path", reason: "the root cannot be deleted" });
    await this.#change("remove", entry, options, () => remove(this.#parts, entry, options));
  }

  async move(from: string, to: string): Promise<void> {
    const [source, destination] = [parseDirectoryPath(from), parseDirectoryPath(to)];
    if (source === "" || destination === "") {
      throw new FsdfsError("argument-invalid", { name: "path", reason: "the root cannot be moved" });
    }
    await this.#run("move", [source, destination], () => move(this.#parts, source, destination));
  }

  async setVariables(path: string, changes: VariableChanges): Promise<Variables> {
    const file = parsePath(path);
    return await this.#run("setVariables", [file, changes], () => setVariables(this.#parts, file, changes));
  }

  async setManyVariables(
    changes: readonly VariableChange[],
    { onMade }: ManyVariablesOptions = {},
  ): Promise<(VariableFailure | null)[]> {
    checkChanges(changes);
    return await this.#run("setManyVariables", [changes], () => setManyVariables(this.#parts, changes, onMade));
  }

  async list(path: string, options: ListOptions = {}): Promise<Listing> {
    const directory = parseDirectoryPath(path);
    if (options.after !== undefined) parsePath(options.after);
    return await this.#run("list", [directory, options], async () => list(this.#parts.lookups, directory, options));
  }

  async heat(paths: readonly string[]): Promise<(number | undefined)[]> {
    const files = parsePaths(paths);
    const found = await this.#run("heat", [files], async () => heat(this.#parts, files));
    return found.map((each) => each ?? undefined); // JSON has made null of undefined.
  }

  async locate(paths: readonly string[]): Promise<(Location | undefined)[]> {
    const files = parsePaths(paths);
    const found = await this.#run("locate", [files], async () => locate(this.#parts.lookups, files));
    return found.map((location) => location ?? undefined); // JSON has made null of undefined.
  }

  async status(): Promise<SwarmStatus> {
    return await this.#run("status", [], async () => status(this.#parts));
  }

  async servers(): Promise<ServerInfo[]> {
    return await this.#run("servers", [], async () => {
      await this.#parts.forecasts.ask();
      return servers(this.#parts);
    });
  }

  async serverFiles(server: string, options: { limit?: number; after?: string } = {}): Promise<ServerFilesPage> {
    return await guarded(async () => {
      await this.#mustBeFresh(); // A page's cursor means something on one server only, so it is not forwarded.
      return serverFiles(this.#parts, server, options);
    });
  }

  async drop(path: string): Promise<void> {
    const file = parsePath(path);
    await this.#fresh(() => drop(this.#parts, file));
  }

  async *adopt(directory: string, options: AdoptOptions): AsyncGenerator<AdoptEvent> {
    if (options.to !== undefined) parseDirectoryPath(options.to);
    await guarded(() => this.#mustBeFresh()); // It is about this server's machine, so it is not forwarded.
    yield* guardedStream(this.#parts.adoption.run(this.#parts, directory, options));
  }

  async *events(options: WatchOptions): AsyncGenerator<SwarmEvent> {
    const under = options.under === undefined ? {} : { under: parseDirectoryPath(options.under) };
    await guarded(() => this.#mustBeFresh()); // It goes on after this server has become behind: it tells what it hears.
    yield* this.#parts.events.watch({ ...options, ...under });
  }

  async *verify(path: string, options: VerifyOptions = {}): AsyncGenerator<VerifyEvent> {
    const entry = parseDirectoryPath(path);
    await guarded(() => this.#mustBeFresh()); // It goes on as long as it is read, so it is not forwarded.
    yield* guardedStream(this.#parts.verify.run(entry, options));
  }

  health(): Health {
    return health(this.#parts);
  }

  async configureServer(server: string, changes: ServerChanges): Promise<ServerInfo> {
    return await this.#run("configureServer", [server, changes], () => configureServer(this.#parts, server, changes));
  }

  async removeServer(server: string, { acceptLoss = false }: { acceptLoss?: boolean } = {}): Promise<RemovedServer> {
    // It looks at what this server knows of the others, so it is not forwarded.
    return await this.#fresh(() => removeServer(this.#parts, server, acceptLoss));
  }

  async configureSwarm(changes: SwarmChanges): Promise<SwarmStatus> {
    return await this.#run("configureSwarm", [changes], () => configureSwarm(this.#parts, changes));
  }

  async clock(): Promise<ClockStatus> {
    return clock(this.#parts);
  }

  async repairClock({ withoutAbsent = false }: { withoutAbsent?: boolean } = {}): Promise<ClockRepair> {
    // It looks at what this server knows of the others, so it is not forwarded.
    return await this.#fresh(() => repairClock(this.#parts, withoutAbsent));
  }

  async merge(address: string): Promise<MergeState> {
    return await this.#fresh(() => this.#parts.guest.begin(address));
  }

  async planMerge(address: string): Promise<MergePlan> {
    return await this.#fresh(() => this.#parts.guest.plan(address));
  }

  async mergeState(): Promise<MergeState> {
    return this.#parts.guest.state;
  }

  async listTrash(options: TrashListOptions = {}): Promise<TrashPage> {
    const under = parseDirectoryPath(options.under ?? "");
    return await this.#run("listTrash", [options], () => listTrash(this.#parts, { ...options, under }));
  }

  async restore(wish: RestoreWish): Promise<Restored> {
    const wanted = parseWish(wish);
    const at = async (link: Link, theirs: RestoreWish) => {
      const now = this.#parts.ports.clock.wall();
      return (await forwardPlain(link, "restore", [theirs], now)) as Restored;
    };
    // It asks whoever has it in the trash, so it is not forwarded as a whole.
    return await this.#fresh(() => restore(this.#parts, wanted, this.#forwards ? at : undefined));
  }

  async emptyTrash({ under = "", after }: EmptyTrashOptions = {}): Promise<EmptiedTrash> {
    const directory = parseDirectoryPath(under);
    return await this.#fresh(() => emptyTrash(this.#parts, directory, after));
  }

  async policy(): Promise<PolicyStatus> {
    return await this.#fresh(() => policyStatus(this.#parts));
  }

  async tryPolicy(source: Bytes): Promise<PolicyTrial> {
    return await this.#fresh(() => tryPolicy(this.#parts, source));
  }

  async setPolicy(source: Bytes): Promise<PolicyTrial> {
    return await this.#fresh(() => setPolicy(this.#parts, source));
  }

  async resetPolicy(): Promise<void> {
    await this.#fresh(() => resetPolicy(this.#parts));
  }

  async policyLog(): Promise<readonly PolicyLogEntry[]> {
    return await this.#fresh(() => policyLog(this.#parts));
  }

  async createKey(name: string, scope: Scope): Promise<CreatedKey> {
    return await this.#run("createKey", [name, scope], () => createKey(this.#parts, name, scope));
  }

  async listKeys(): Promise<KeyInfo[]> {
    return await this.#run("listKeys", [], async () => listKeys(this.#parts));
  }

  async revokeKey(id: string): Promise<void> {
    await this.#run("revokeKey", [id], () => revokeKey(this.#parts, id));
  }

  async authenticate(credential: Credential, request: { method: string; target: string }): Promise<Principal> {
    return authenticate(this.#parts.access, credential, request);
  }

  async #run<T>(operation: PlainOperation, args: readonly unknown[], here: () => Promise<T>): Promise<T> {
    return await guarded(async () => {
      const elsewhere = await this.#ready();
      if (elsewhere === undefined) return await here();
      return (await forwardPlain(elsewhere, operation, args, this.#parts.ports.clock.wall())) as T;
    });
  }

  /** A change that may have conditions, which only the path's owner decides (C14). */
  async #change(
    operation: "makeDirectory" | "remove",
    path: FilePath,
    options: { readonly conditions?: Conditions },
    here: () => Promise<void>,
  ): Promise<void> {
    const args = [path, options];
    if (options.conditions === undefined) return await this.#run(operation, args, here);
    const there = async (link: Link) => {
      await forwardPlain(link, operation, args, this.#parts.ports.clock.wall());
    };
    await guarded(() => atOwner(this.#parts, path, this.#forwards, here, there));
  }

  /** Undefined when this server may answer itself; else the one that is to. @throws FsdfsError `behind`, `stopping`, `clock-wrong` */
  async #ready(): Promise<Link | undefined> {
    const { readiness, membership, mesh, ending, ports } = this.#parts;
    if (ending.aborted) throw new FsdfsError("stopping");
    const askedAt = ports.clock.monotonic();
    const elsewhere = () => (this.#forwards ? forwardTargets(mesh)[0] : undefined);
    // One that has just started may meet somebody who can answer before it can itself.
    await readiness.becomesFresh(() => readiness.isBehind && elsewhere() !== undefined);
    if (readiness.isFresh) return undefined;
    // What it lacks has not come by now: its catalog may take nothing in. Others can answer.
    const target = elsewhere();
    if (target === undefined) readiness.checkClock(); // Why none of the others has been met.
    if (target === undefined || membership.stoodStillSince(askedAt)) throw new FsdfsError("behind");
    return target;
  }

  /** Done by this server and no other. */
  async #fresh<T>(here: () => Promise<T>): Promise<T> {
    return await guarded(async () => {
      await this.#mustBeFresh();
      return await here();
    });
  }

  async #mustBeFresh(): Promise<void> {
    if (!(await this.#parts.readiness.becomesFresh())) throw new FsdfsError("behind");
  }

  /** A server that can take an upload when this one cannot, or is leaving. @throws FsdfsError `no-space` when nobody can */
  async #roomierThanHere(sizeBytes: number | undefined): Promise<Link | undefined> {
    if (!this.#forwards) return undefined;
    const { space, disk, uploadRoom, directives } = this.#parts;
    const here = disk.isResting ? -1 : space.roomBytes("upload");
    if (here >= (sizeBytes ?? UNKNOWN_SIZE_BYTES) && !directives.isDrainingHere) return undefined;
    if (sizeBytes === undefined) return uploadRoom.roomiest(directives.isDrainingHere ? -1 : here);
    const couldStay = uploadRoom.couldTake(sizeBytes);
    if (couldStay && !directives.isDrainingHere && !uploadRoom.isThereElsewhere(sizeBytes)) return undefined;
    const found = await uploadRoom.findElsewhere(sizeBytes);
    // A disk that rests is tried all the same when there is no other: it may be well again.
    if (found === undefined && !couldStay && !disk.isResting) throw new FsdfsError("no-space");
    return couldStay && found !== undefined && directives.isDraining(found.server) ? undefined : found;
  }
}

function parsePaths(paths: readonly string[]): FilePath[] {
  if (paths.length > LOCATE_MAX) {
    throw new FsdfsError("argument-invalid", { name: "paths", reason: `at most ${LOCATE_MAX} at once` });
  }
  return paths.map(parsePath);
}
