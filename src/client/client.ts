/**
 * The TypeScript client of the HTTP API (docs/API.md): one method for each address. What fails comes back as an
 * FsdfsError with the server's own words. What may safely be repeated is repeated a few times.
 */
import type { Variables } from "../core/catalog/variables.ts";
import { encodeUrlPath, parsePath } from "../core/paths.ts";
import { FsdfsError } from "../errors.ts";
import type {
  AdoptEvent,
  AdoptOptions,
  ClockRepair,
  ClockStatus,
  CreatedKey,
  EmptiedTrash,
  EntryInfo,
  RestoreWish as FaceRestoreWish,
  Health,
  KeyInfo,
  Listing,
  ListOptions,
  Location,
  MergePlan,
  MergeState,
  PolicyLogEntry,
  PolicyStatus,
  PolicyTrial,
  PutResult,
  RemovedServer,
  Restored,
  Scope,
  ServerChanges,
  ServerFilesPage,
  ServerInfo,
  SwarmChanges,
  SwarmEvent,
  SwarmStatus,
  TrashedFile,
  TrashListOptions,
  TrashPage,
  VariableChange,
  VariableChanges,
  VerifyEvent,
  VerifyOptions,
  WatchOptions,
} from "../server/face.ts";
import { bodilessError } from "./answer-error.ts";
import { hashed, type PutContent, type PutSource, sourceOf } from "./content.ts";
import { type Download, infoOf } from "./download.ts";
import { type Authorize, directoryTarget, Exchange, fileTarget, queryOf, readText } from "./exchange.ts";
import { Holders } from "./holders.ts";
import { type GetOptions, readFile } from "./reading.ts";
import { deletion, MAYBE_DONE, NOTHING_DONE, type Wait } from "./retry.ts";
import type { Platform } from "./transport.ts";
import { type EmptyTrashWish, emptyInSteps } from "./trash.ts";
import { checkNumbers, linesOf, type VariablesChanged } from "./variables.ts";

/** Every path may have a leading "/", a directory's a trailing one as well. */
export interface Client {
  put(path: string, content: PutContent, options?: PutOptions): Promise<PutResult>;
  /** Has the server fetch what lies at a URL, http or https. @throws FsdfsError `fetch-refused`, `fetch-failed`, … */
  putFrom(path: string, url: string, options?: PutOptions): Promise<PutResult>;
  makeDirectory(path: string): Promise<void>;
  head(path: string): Promise<EntryInfo>;
  get(path: string, options?: GetOptions): Promise<Download>;
  remove(path: string, options?: RemoveOptions): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  move(from: string, to: string): Promise<void>;
  list(path: string, options?: ListOptions): Promise<Listing>;
  /** Every entry, page after page. */
  listAll(path: string, options?: { recursive?: boolean }): AsyncGenerator<Listing["entries"][number]>;
  locate(path: string): Promise<Location>;
  /** In order; null where there is no file. At most 1,000 paths. */
  locateMany(paths: readonly string[]): Promise<readonly (Location | null)[]>;
  /** How much files are read, in reads an hour over the swarm; null where there is no file. At most 1,000 paths. */
  heat(paths: readonly string[]): Promise<readonly (number | null)[]>;
  status(): Promise<SwarmStatus>;
  servers(): Promise<readonly ServerInfo[]>;
  serverFiles(server: string, options?: { limit?: number; after?: string }): Promise<ServerFilesPage>;
  /** null removes a variable; those that are not named stay. Answers all that the file has then. @throws FsdfsError `variable-invalid`, … */
  setVariables(path: string, changes: VariableChanges): Promise<Variables>;
  /** Of many files, at most 100,000 at once; or as the lines that the API takes. Each is done or fails by itself. */
  setManyVariables(changes: readonly VariableChange[] | string | Uint8Array): Promise<VariablesChanged>;
  drop(path: string): Promise<void>;
  /** The last event is "done". Leaving the loop early ends it on the server as well. @throws `adopt-refused`, … */
  adopt(directory: string, options?: Omit<AdoptOptions, "local">): AsyncGenerator<AdoptEvent>;
  /**
   * Has all servers re-hash their copies of what is at a path or below it. The last event is "done". Leaving the loop early
   * ends it. @throws FsdfsError `verify-running`, `file-not-found`
   */
  verify(path?: string, options?: VerifyOptions): AsyncGenerator<VerifyEvent>;
  /**
   * What happens from now on, until the loop is left or the server stops; "ready" comes first. After a connection that
   * broke there is no telling what was missed.
   */
  events(options?: EventOptions): AsyncGenerator<SwarmEvent>;
  /** `server` is an id or a name. What is said holds until something else is, also over restarts. */
  configureServer(server: string, changes: ServerChanges): Promise<ServerInfo>;
  /** @throws FsdfsError `remove-refused` */
  removeServer(server: string, options?: { acceptLoss?: boolean }): Promise<RemovedServer>;
  configureSwarm(changes: SwarmChanges): Promise<SwarmStatus>;
  /** What was deleted or overwritten, a page at a time, which may be short. */
  listTrash(options?: TrashListOptions): Promise<TrashPage>;
  /** All of it, page after page. */
  listAllTrash(options?: { under?: string }): AsyncGenerator<TrashedFile>;
  /** @throws FsdfsError `trash-not-found`, `not-restored-over` */
  restore(wish: RestoreWish): Promise<Restored>;
  /** All of it, step after step. */
  emptyTrash(wish?: EmptyTrashWish): Promise<EmptiedTrash>;
  /** Also of a server that would not serve now. */
  clock(): Promise<ClockStatus>;
  repairClock(options?: { withoutAbsent?: boolean }): Promise<ClockRepair>;
  /** `address` is "host:port" of the swarm's port of a server of the other swarm. */
  planMerge(address: string): Promise<MergePlan>;
  merge(address: string): Promise<MergeState>;
  mergeState(): Promise<MergeState>;
  /** Which policy is in force (docs/POLICY.md), and how far it is evaluated. */
  policy(): Promise<PolicyStatus>;
  /** `source`: the text of a TypeScript module. @throws FsdfsError `policy-invalid` */
  tryPolicy(source: string | Uint8Array): Promise<PolicyTrial>;
  setPolicy(source: string | Uint8Array): Promise<PolicyTrial>;
  resetPolicy(): Promise<void>;
  policyLog(): Promise<readonly PolicyLogEntry[]>;
  createKey(name: string, scope: Scope): Promise<CreatedKey>;
  listKeys(): Promise<readonly KeyInfo[]>;
  revokeKey(id: string): Promise<void>;
  /** Also of a server that would not serve now. */
  health(): Promise<Health>;
  /** The same client, whose requests are given up, with the signal's reason, when the signal is aborted. */
  withSignal(signal: AbortSignal): Client;
  /** Lets go of the connections. */
  close(): void;
}

export interface ClientOptions {
  /** "http://host:port", where one server of the swarm is. */
  readonly url: string;
  /** Proves what this client may; asked for every request. */
  readonly authorize?: Authorize;
  /** What only the server's user on its machine knows: lets it adopt from beside the data directory. */
  readonly localSecret?: string;
  /** Between attempts; real time by default. */
  readonly wait?: Wait;
}

/** @throws FsdfsError `precondition-failed`, and nothing is changed; `owner-unavailable` */
export interface Conditions {
  /** Only if the file is in this version. */
  readonly ifVersion?: string;
}

export interface EventOptions extends Pick<WatchOptions, "types" | "under"> {
  readonly signal?: AbortSignal;
}

/** What was at a path last, or which version; `to` another path, and over the file that is there. */
export type RestoreWish = Omit<FaceRestoreWish, "asAdmin">;

export interface RemoveOptions extends Conditions {
  /** It is to lie in no server's trash. */
  readonly forever?: boolean;
  readonly signal?: AbortSignal;
}

export interface PutOptions extends Conditions {
  /** Only if there is nothing yet. */
  readonly ifMissing?: boolean;
  /** 64 hexadecimal digits; a server refuses what arrives otherwise. */
  readonly sha256?: string;
  /** Repeated requests with the same one make one version; drawn by chance unless given. */
  readonly requestId?: string;
  readonly signal?: AbortSignal;
}

export function clientOn(platform: Platform, { url, authorize, wait, localSecret }: ClientOptions): Client {
  const exchange = new Exchange({ base: new URL(url), platform, authorize: authorize ?? (() => undefined), wait });
  return clientOf(exchange, new Holders(exchange), localSecret);
}

function clientOf(exchange: Exchange, holders: Holders, localSecret?: string): Client {
  const client: Client = {
    put: (path, content, options = {}) => put(exchange, path, content, options),
    putFrom: (path, url, options = {}) => putFrom(exchange, path, url, options),
    makeDirectory: async (path) => {
      await exchange.change("PUT", directoryTarget(path));
    },
    head: (path) => exchange.repeated(MAYBE_DONE, () => head(exchange, path)),
    get: async (path, options = {}) => {
      const from = options.from ?? (options.spread ? await client.locate(path) : undefined);
      return await readFile(exchange, holders, path, { ...options, from });
    },
    remove: (path, options = {}) => remove(exchange, path, options),
    removeDirectory: async (path) => {
      await exchange.change("DELETE", directoryTarget(path));
    },
    move: async (from, to) => {
      await exchange.change("POST", "/move", { from: parsePath(from), to: parsePath(to) }, true);
    },
    list: (path, list = {}) => exchange.read<Listing>(directoryTarget(path) + queryOf({ ...list })),
    listAll: async function* (path, { recursive = false } = {}) {
      for (let after: string | null | undefined; after !== null; ) {
        const page: Listing = await client.list(path, { recursive, ...(after === undefined ? {} : { after }) });
        yield* page.entries;
        after = page.next;
      }
    },
    locate: (path) => exchange.read<Location>(`/locate/${encodeUrlPath(parsePath(path))}`),
    locateMany: async (paths) =>
      (await exchange.read<{ files: (Location | null)[] }>("/locate", { paths: paths.map(parsePath) })).files,
    heat: async (paths) => {
      const { files } = await exchange.read<{ files: ({ heat: number } | null)[] }>("/heat", {
        paths: paths.map(parsePath),
      });
      return files.map((file) => file?.heat ?? null);
    },
    status: () => exchange.read<SwarmStatus>("/status"),
    servers: async () => (await exchange.read<{ servers: ServerInfo[] }>("/servers")).servers,
    serverFiles: (server, page = {}) =>
      exchange.read<ServerFilesPage>(`/servers/${encodeURIComponent(server)}/files${queryOf({ ...page })}`),
    setVariables: async (path, changes) => {
      checkNumbers(changes);
      const text = await exchange.change("PATCH", fileTarget(path), { variables: changes });
      return exchange.parse<{ variables: Variables }>(text).variables;
    },
    setManyVariables: async (changes) => {
      const { open, whole } = sourceOf(
        typeof changes === "string" || changes instanceof Uint8Array ? changes : linesOf(changes),
      );
      const ask = { method: "POST", target: "/variables", patient: true, ...(whole && { whole }) };
      const attempt = () => exchange.text({ ...ask, body: open() });
      return exchange.parse<VariablesChanged>(await exchange.repeated(NOTHING_DONE, attempt));
    },
    drop: async (path) => {
      await exchange.change("POST", `/drop/${encodeUrlPath(parsePath(path))}`);
    },
    verify: (path = "/", options = {}) => {
      return exchange.lines<VerifyEvent>({
        method: "POST",
        target: "/verify",
        json: { path, ...options },
        patient: true,
      });
    },
    adopt: async function* (directory, options = {}) {
      const headers = localSecret === undefined ? {} : { "fsdfs-local": localSecret };
      const json = { directory, ...options };
      yield* exchange.lines<AdoptEvent>({ method: "POST", target: "/adopt", headers, json, patient: true });
    },
    events: ({ types, under, signal } = {}) => {
      const target = `/events${queryOf({ types: types?.join(","), under })}`;
      return exchange.events<SwarmEvent>({ method: "GET", target, signal });
    },
    configureServer: async (server, changes) =>
      exchange.parse<ServerInfo>(await exchange.change("POST", `/servers/${encodeURIComponent(server)}`, changes)),
    removeServer: async (server, { acceptLoss = false } = {}) => {
      const target = `/servers/${encodeURIComponent(server)}${queryOf(acceptLoss ? { acceptLoss } : {})}`;
      const ask = { method: "DELETE", target, patient: true };
      return exchange.parse<RemovedServer>(await exchange.repeated(NOTHING_DONE, () => exchange.text(ask)));
    },
    configureSwarm: async (changes) => exchange.parse<SwarmStatus>(await exchange.change("POST", "/swarm", changes)),
    listTrash: (options = {}) => exchange.read<TrashPage>(`/trash${queryOf({ ...options })}`),
    listAllTrash: async function* (options = {}) {
      for (let after: string | null | undefined; after !== null; ) {
        const page: TrashPage = await client.listTrash({ ...options, ...(after === undefined ? {} : { after }) });
        yield* page.files;
        after = page.next;
      }
    },
    restore: async (wish) => {
      const ask = { method: "POST", target: "/trash/restore", json: wish, patient: true };
      return exchange.parse<Restored>(await exchange.repeated(NOTHING_DONE, () => exchange.text(ask)));
    },
    emptyTrash: (wish = {}) =>
      emptyInSteps(async (options) => {
        const ask = { method: "POST", target: "/trash/empty", json: options, patient: true };
        return exchange.parse<EmptiedTrash>(await exchange.repeated(NOTHING_DONE, () => exchange.text(ask)));
      }, wish),
    clock: () => exchange.read<ClockStatus>("/clock"),
    repairClock: async (options = {}) =>
      exchange.parse<ClockRepair>(await exchange.change("POST", "/clock/repair", { ...options })),
    planMerge: async (address) =>
      exchange.parse<MergePlan>(await exchange.change("POST", "/merge", { with: address, dryRun: true }, true)),
    merge: async (address) => exchange.parse<MergeState>(await exchange.change("POST", "/merge", { with: address })),
    mergeState: () => exchange.read<MergeState>("/merge"),
    policy: () => exchange.read<PolicyStatus>("/policy"),
    tryPolicy: (source) => sendPolicy(exchange, "POST", "/policy/try", source),
    setPolicy: (source) => sendPolicy(exchange, "PUT", "/policy", source),
    resetPolicy: async () => {
      await exchange.change("DELETE", "/policy");
    },
    policyLog: async () => (await exchange.read<{ entries: PolicyLogEntry[] }>("/policy/log")).entries,
    createKey: async (name, scope) =>
      exchange.parse<CreatedKey>(await exchange.change("POST", "/keys", { name, scope })),
    listKeys: async () => (await exchange.read<{ keys: KeyInfo[] }>("/keys")).keys,
    revokeKey: async (id) => {
      await exchange.change("DELETE", `/keys/${encodeURIComponent(id)}`);
    },
    health: async () =>
      exchange.parse<Health>(await readText(await exchange.send({ method: "GET", target: "/health" }))),
    withSignal: (signal) => clientOf(exchange.withSignal(signal), holders, localSecret),
    close: () => exchange.platform.transport.close(),
  };
  return client;
}

async function put(exchange: Exchange, path: string, content: PutContent, options: PutOptions): Promise<PutResult> {
  const source = sourceOf(content);
  const { signal } = options;
  // What is there in one piece is read twice, so that the server can check what arrives.
  const sha256 = options.sha256 ?? (source.whole && (await digestOf(exchange, source)));
  const target = fileTarget(path);
  const headers = {
    ...putHeaders({ ...options, ...(sha256 === undefined ? {} : { sha256 }) }),
    "content-type": "application/octet-stream",
    ...(source.sizeBytes === undefined ? {} : { "content-length": String(source.sizeBytes) }),
  };
  const attempt = async () => {
    const passing = hashed(source.open(), exchange.platform.sha256());
    const whole = source.whole === undefined ? {} : { whole: source.whole };
    const text = await exchange.text({ method: "PUT", target, headers, body: passing.body, ...whole, signal });
    const result = exchange.parse<PutResult>(text);
    const sent = passing.sha256();
    if (sent !== undefined && sent !== result.sha256)
      throw new FsdfsError("digest-mismatch", { actual: result.sha256 });
    return result;
  };
  return await exchange.repeated(source.once ? [] : MAYBE_DONE, attempt, signal);
}

async function putFrom(exchange: Exchange, path: string, url: string, options: PutOptions): Promise<PutResult> {
  const { signal } = options;
  const target = fileTarget(path) + queryOf({ from: url });
  const ask = { method: "PUT", target, headers: putHeaders(options), patient: true, signal };
  return exchange.parse<PutResult>(await exchange.repeated(MAYBE_DONE, () => exchange.text(ask), signal));
}

/** May be repeated: the same policy again is the same policy. */
async function sendPolicy(
  exchange: Exchange,
  method: string,
  target: string,
  source: string | Uint8Array,
): Promise<PolicyTrial> {
  const text = await exchange.repeated(MAYBE_DONE, () => {
    const { open, whole, sizeBytes } = sourceOf(source);
    const headers = { "content-type": "text/plain; charset=utf-8", "content-length": String(sizeBytes ?? 0) };
    return exchange.text({ method, target, headers, body: open(), ...(whole && { whole }), patient: true });
  });
  return exchange.parse<PolicyTrial>(text);
}

/** Once for all attempts. */
function putHeaders({ sha256, requestId = randomId(), ifVersion, ifMissing = false }: PutOptions) {
  return {
    "fsdfs-request-id": requestId,
    ...conditions(ifVersion, ifMissing),
    ...(sha256 === undefined ? {} : { "fsdfs-sha256": sha256 }),
  };
}

/** With a request id: with a condition, who repeats it is told what came of the first. */
async function remove(
  exchange: Exchange,
  path: string,
  { ifVersion, forever = false, signal }: RemoveOptions,
): Promise<void> {
  const headers = { "fsdfs-request-id": randomId(), ...conditions(ifVersion, false) };
  const target = fileTarget(path) + queryOf(forever ? { forever } : {});
  const attempt = () => exchange.text({ method: "DELETE", target, headers, signal });
  await exchange.repeated<unknown>(MAYBE_DONE, ifVersion === undefined ? deletion(attempt) : attempt, signal);
}

function conditions(ifVersion: string | undefined, ifMissing: boolean): Readonly<Record<string, string>> {
  return {
    ...(ifVersion === undefined ? {} : { "if-match": `"${ifVersion}"` }),
    ...(ifMissing ? { "if-none-match": "*" } : {}),
  };
}

async function digestOf(exchange: Exchange, source: PutSource): Promise<string> {
  const hash = exchange.platform.sha256();
  for await (const chunk of source.open()) hash.update(chunk);
  return hash.hex();
}

async function head(exchange: Exchange, path: string): Promise<EntryInfo> {
  const answer = await exchange.send({ method: "HEAD", target: fileTarget(path) });
  await readText(answer);
  if (answer.status >= 300) throw bodilessError(answer.status, path);
  return infoOf(path, answer);
}

/** 128 bits, also where a page without HTTPS has no `randomUUID`. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
