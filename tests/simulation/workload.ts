/**
 * Clients of the swarm. They use nothing but the public face, at a random server, try another when one does not answer,
 * with the same request id, and write down what they asked and what they were told.
 */

import type { Bytes } from "../../src/core/catalog/kv.ts";
import type { Conditions } from "../../src/core/conditions.ts";
import { FsdfsError } from "../../src/errors.ts";
import type { EntryInfo, Face, Listing, PutResult, RestoreWish, TrashedFile } from "../../src/server/face.ts";
import { type Content, inPieces, makeContent, sha256Of } from "./content.ts";
import type { Condition, History, Operation, Seen, VariableSet, WorkKind } from "./history.ts";
import { isBug, type Machine, NoAnswer, type Pause } from "./machine.ts";
import type { SeededRandom } from "./random.ts";
import type { Swarm } from "./swarm.ts";

export interface WorkloadOptions {
  readonly clients: number;
  readonly pauseMs: { readonly low: number; readonly high: number };
  readonly weights: Readonly<Record<WorkKind, number>>;
  readonly files: readonly string[];
  readonly directories: readonly string[];
  /** Asked first, when it is to be a certain one. */
  readonly coordinator?: Machine;
}

export const FILES: readonly string[] = ["a", "b.ogg", "music/c", "music/d.ogg", "music/live/e", "x/f", "x/g", "ü/h i"];
export const DIRECTORIES: readonly string[] = ["music", "x", "empty", "empty/deep"];

export const WEIGHTS: Readonly<Record<WorkKind, number>> = {
  put: 36,
  remove: 8,
  move: 6,
  makeDirectory: 3,
  get: 24,
  head: 4,
  list: 8,
  locate: 8,
  status: 3,
};

const ATTEMPTS_MAX = 4;
/** Longer than a server takes that answers at all: half of what the client library waits. */
const TIMEOUT_MS = 30_000;
const RETRY_PAUSE_MS = 300;

/** Answers after which the change has not been made and will not be. */
const CERTAIN = new Set([
  "path-invalid",
  "argument-invalid",
  "body-incomplete",
  "digest-mismatch",
  "is-a-directory",
  "not-a-directory",
  "directory-not-empty",
  "file-not-found",
  "already-exists",
  "no-space",
  "not-enough-servers",
  "clock-wrong",
  "precondition-failed",
  "trash-not-found",
  "not-restored-over",
]);

export class Workload {
  readonly #swarm: Swarm;
  readonly #history: History;
  readonly #random: SeededRandom;
  readonly #options: WorkloadOptions;
  #active = 0;
  #stopped = false;
  #contents = 0;
  readonly #bugsTold = new Set<string>();
  /** Told when an answer was not an error of the catalogue. */
  readonly #onBug: (message: string) => void;

  constructor(swarm: Swarm, history: History, random: SeededRandom, options: WorkloadOptions) {
    this.#swarm = swarm;
    this.#history = history;
    this.#random = random;
    this.#options = options;
    this.#onBug = (message) => swarm.world.fail("face", message);
  }

  /** Clients with an operation under way. */
  get active(): number {
    return this.#active;
  }

  start(): void {
    for (let i = 1; i <= this.#options.clients; i++) void this.#client(`c${i}`);
  }

  /** Clients finish what they are at. */
  stop(): void {
    this.#stopped = true;
  }

  /** One operation of a client, whatever it is; resolves when its outcome is known. */
  async run(client: string, kind: WorkKind, path: string, to?: string): Promise<Operation> {
    this.#active++;
    try {
      if (kind === "put") return await this.#put(client, path);
      if (kind === "remove" || kind === "move" || kind === "makeDirectory")
        return await this.#change(client, kind, path, to);
      return await this.#read(client, kind, path);
    } finally {
      this.#active--;
    }
  }

  /** A change with a condition (C14). */
  async runIf(client: string, kind: "put" | "remove", path: string, condition: Condition): Promise<Operation> {
    this.#active++;
    try {
      return await (kind === "put" ? this.#put(client, path, condition) : this.#removeIf(client, path, condition));
    } finally {
      this.#active--;
    }
  }

  /** One variable of a file. */
  async set(client: string, path: string, variable: VariableSet): Promise<Operation> {
    const operation = this.#history.begin(client, "set", path, { variable });
    return await this.#counted(operation, (face) => face.setVariables(path, { [variable.name]: variable.value }));
  }

  /** A deletion after which nobody can have the file back. */
  async removeForever(client: string, path: string): Promise<Operation> {
    const operation = this.#history.begin(client, "remove", path);
    return await this.#counted(operation, (face) => face.remove(path, { forever: true }));
  }

  /** What lies in the trash comes back. */
  async restore(client: string, wish: RestoreWish & { readonly to: string }): Promise<Operation> {
    const operation = this.#history.begin(client, "restore", wish.to);
    return await this.#counted(operation, async (face) => {
      const { sha256 } = await face.restore(wish);
      return () => {
        operation.restored = sha256;
      };
    });
  }

  /** A content of the caller's choice. */
  async putContent(client: string, path: string, { bytes, sha256 }: Content): Promise<Operation> {
    const operation = this.#history.begin(client, "put", path, { sha256 });
    const options = { requestId: `r${operation.id}`, sizeBytes: bytes.length, sha256 };
    return await this.#counted(operation, (face, pause) =>
      face.put(path, inPieces(bytes, this.#random, pause), options),
    );
  }

  async #counted(operation: Operation, attempt: (face: Face, pause: Pause) => Promise<unknown>): Promise<Operation> {
    this.#active++;
    try {
      await this.#attempts(operation, attempt);
      return operation;
    } finally {
      this.#active--;
    }
  }

  /** A read through one server and no other. */
  async readAt(machine: Machine, operation: Operation): Promise<void> {
    operation.server = machine.name;
    try {
      const { path } = operation;
      const kind = operation.kind as WorkKind;
      this.#acknowledge(operation, await machine.ask((face) => read(kind, path, face, this.#swarm), TIMEOUT_MS));
    } catch (error) {
      this.#history.end(operation, "failed", this.#codeOf(error, machine));
    }
  }

  async #client(name: string): Promise<void> {
    const { low, high } = this.#options.pauseMs;
    while (!this.#stopped) {
      await this.#swarm.world.sleep(this.#random.between(low, high));
      if (this.#stopped) return;
      const kind = this.#random.weighted(this.#options.weights);
      await this.run(
        name,
        kind,
        this.#pathFor(kind),
        kind === "move" ? this.#random.pick(this.#options.files) : undefined,
      );
    }
  }

  #pathFor(kind: WorkKind): string {
    const { files, directories } = this.#options;
    if (kind === "makeDirectory") return this.#random.pick(directories);
    if (kind === "list") return this.#random.pick(["", ...directories]);
    if (kind === "remove" && this.#random.chance(0.15)) return this.#random.pick(directories);
    return this.#random.pick(files);
  }

  async #put(client: string, path: string, condition?: Condition): Promise<Operation> {
    const content = makeContent(`put ${++this.#contents} ${path}`, this.#random);
    const operation = this.#history.begin(client, "put", path, { sha256: content.sha256, condition });
    const requestId = `r${operation.id}`;
    const tellSize = this.#random.chance(0.5);
    operation.sizeTold = tellSize;
    const options = {
      requestId,
      ...(tellSize && { sizeBytes: content.bytes.length, sha256: content.sha256 }),
      ...(condition && { conditions: conditionsOf(condition) }),
    };
    const result = await this.#attempts(operation, (face, pause, givenUp) =>
      face.put(path, whileThere(inPieces(content.bytes, this.#random, pause), givenUp), options),
    );
    if (result && result.sha256 !== content.sha256) {
      this.#swarm.world.fail("P4", `put #${operation.id} was told another digest`);
    }
    return operation;
  }

  async #removeIf(client: string, path: string, condition: Condition): Promise<Operation> {
    const operation = this.#history.begin(client, "remove", path, { condition });
    const options = { requestId: `r${operation.id}`, conditions: conditionsOf(condition) };
    await this.#attempts(operation, (face) => face.remove(path, options));
    return operation;
  }

  async #change(
    client: string,
    kind: "remove" | "move" | "makeDirectory",
    path: string,
    to = path,
  ): Promise<Operation> {
    const operation = this.#history.begin(client, kind, path, kind === "move" ? { to } : {});
    await this.#attempts(operation, (face) => {
      if (kind === "remove") return face.remove(path);
      return kind === "move" ? face.move(path, to) : face.makeDirectory(path);
    });
    return operation;
  }

  async #read(client: string, kind: WorkKind, path: string): Promise<Operation> {
    const operation = this.#history.begin(client, kind, path);
    await this.#attempts(operation, (face) => read(kind, path, face, this.#swarm));
    return operation;
  }

  /**
   * Tries servers until one gives an answer that settles it. An attempt that was given up may still go on, and what it
   * comes to is nothing that the client was told.
   */
  async #attempts<T>(
    operation: Operation,
    attempt: (face: Face, pause: Pause, givenUp: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    let code: string | undefined;
    // Each is tried before one is tried again: all attempts at one that is gone would say nothing of the swarm.
    let untried: readonly Machine[] = [];
    for (let i = 0; i < ATTEMPTS_MAX; i++) {
      if (untried.length === 0) untried = this.#swarm.machines;
      const chosen = i === 0 ? this.#options.coordinator : undefined;
      const machine = chosen ?? this.#random.pick(untried);
      untried = untried.filter((other) => other !== machine);
      operation.server = machine.name;
      const givenUp = new AbortController();
      try {
        const result = await machine.ask((face, pause) => attempt(face, pause, givenUp.signal), TIMEOUT_MS);
        this.#acknowledge(operation, result);
        return result;
      } catch (error) {
        givenUp.abort();
        code = this.#codeOf(error, machine);
        if (CERTAIN.has(code)) break;
        operation.doubtful ||= code !== "refused";
      }
      await this.#swarm.world.sleep(this.#random.between(1, RETRY_PAUSE_MS));
    }
    this.#history.end(operation, operation.doubtful ? "unknown" : "failed", code);
    return undefined;
  }

  #acknowledge(operation: Operation, result: unknown): void {
    if (typeof result === "function") (result as () => void)();
    else if (result instanceof Map) for (const [path, seen] of result as Told) operation.seen.set(path, seen);
    else if (operation.kind !== "set" && isPutResult(result))
      Object.assign(operation, { version: result.version, copies: result.copies });
    this.#history.end(operation, "acknowledged");
  }

  #codeOf(error: unknown, machine: Machine): string {
    if (error instanceof NoAnswer) return error.reason;
    if (error instanceof FsdfsError) return error.code;
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // Once for each kind: a fault that lasts would be told a hundred times.
    if (!this.#bugsTold.has(String(error)))
      this.#onBug(`${machine.name}'s face rejected with ${isBug(error) ? "a bug" : "a port's error"}: ${told}`);
    this.#bugsTold.add(String(error));
    return "not-an-fsdfs-error";
  }
}

function conditionsOf(condition: Condition): Conditions {
  return condition === "nothing" ? { ifNoneMatch: "*" } : { ifMatch: [condition] };
}

/** An upload as a server sees it whose client may hang up: what it has not sent by then never comes. */
async function* whileThere(body: AsyncIterable<Bytes>, givenUp: AbortSignal): AsyncGenerator<Bytes> {
  let received = 0;
  for await (const piece of body) {
    if (givenUp.aborted) throw new FsdfsError("body-incomplete", { received });
    received += piece.length;
    yield piece;
  }
  if (givenUp.aborted) throw new FsdfsError("body-incomplete", { received });
}

/** What a read told, path by path. */
type Told = Map<string, Seen>;

async function read(kind: WorkKind, path: string, face: Face, swarm: Swarm): Promise<Told> {
  try {
    if (kind === "list")
      return new Map(Array.from(await listAll(face, path), ([name, entry]) => [name, seenOf(entry)]));
    if (kind === "get") return new Map([[path, await readFile(face, path, swarm)]]);
    if (kind === "head") return new Map([[path, seenOf(await face.head(path))]]);
    if (kind === "locate") return new Map([[path, await locate(path, face)]]);
    await face.status();
    return new Map();
  } catch (error) {
    if (!(error instanceof FsdfsError) || error.code !== "file-not-found") throw error;
    return new Map([[path, { kind: "absent" }]]);
  }
}

async function locate(path: string, face: Face): Promise<Seen> {
  const [location] = await face.locate([path]);
  return location ? { kind: "file", version: location.version, sha256: location.sha256 } : { kind: "absent" };
}

/** Reads a whole file through the server that was asked. Reports wrong bytes by itself (P4). */
export async function readFile(face: Face, path: string, swarm: Swarm): Promise<Seen> {
  const info = await face.head(path);
  if (info.type === "directory") return { kind: "directory" };
  const opened = await face.open(path, { redirect: "never" });
  if (opened.kind !== "content") throw new Error("redirected in spite of redirect: never");
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of opened.stream(0, opened.info.size)) chunks.push(new Uint8Array(chunk));
    const bytes = Buffer.concat(chunks);
    const sha256 = sha256Of(bytes);
    if (bytes.length !== opened.info.size || (sha256 !== opened.info.sha256 && !swarm.isRotten(opened.info.sha256))) {
      swarm.world.fail(
        "P4",
        `${path} was read as ${bytes.length} bytes ${sha256}, announced ${opened.info.size} ${opened.info.sha256}; it begins with ${JSON.stringify(bytes.toString("latin1", 0, 40))}`,
      );
    }
    return { kind: "file", version: opened.info.version!, sha256: opened.info.sha256! };
  } finally {
    await opened.close();
  }
}

/** All pages of a directory, names made whole paths. */
export async function listAll(
  face: Face,
  directory: string,
  recursive = false,
): Promise<Map<string, Listing["entries"][number]>> {
  const entries = new Map<string, Listing["entries"][number]>();
  let after: string | undefined;
  for (let page = 0; page < 1_000; page++) {
    const listing = await face.list(directory, { limit: 7, recursive, ...(after !== undefined && { after }) });
    for (const entry of listing.entries)
      entries.set(directory === "" ? entry.name : `${directory}/${entry.name}`, entry);
    if (listing.next === null) return entries;
    after = listing.next;
  }
  throw new Error("a listing without an end");
}

/** All pages of the trash, of so many files each: of few unless said otherwise, that there are several. */
export async function allTrash(face: Face, under = "", limit = 5): Promise<TrashedFile[]> {
  const files: TrashedFile[] = [];
  for (let after: string | undefined; ; ) {
    const page = await face.listTrash({ under, limit, ...(after !== undefined && { after }) });
    files.push(...page.files);
    if (page.next === null) return files;
    after = page.next;
  }
}

function isPutResult(result: unknown): result is PutResult {
  return typeof result === "object" && result !== null && "version" in result;
}

function seenOf(entry: Pick<EntryInfo, "type" | "version" | "sha256">): Seen {
  if (entry.type === "directory") return { kind: "directory" };
  return { kind: "file", version: entry.version!, sha256: entry.sha256! };
}

export type { Content };
