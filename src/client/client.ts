/**
 * The TypeScript client of the HTTP API (docs/API.md): one method for each address. What fails comes back as an
 * FsdfsError with the server's own words. What may safely be repeated is repeated a few times.
 */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Bytes } from "../core/catalog/kv.ts";
import { encodeUrlPath, parseDirectoryPath, parsePath } from "../core/paths.ts";
import { type ErrorCode, FsdfsError } from "../errors.ts";
import type {
  ClockRepair,
  ClockStatus,
  CreatedKey,
  EntryInfo,
  Health,
  KeyInfo,
  Listing,
  ListOptions,
  Location,
  PutResult,
  Scope,
  ServerFilesPage,
  ServerInfo,
  SwarmStatus,
} from "../server/face.ts";
import { answerError, bodilessError, parseJson } from "./answer-error.ts";
import { authorization, type ClientCredential } from "./credentials.ts";
import { type Download, download, infoFromHeaders } from "./download.ts";
import { MAYBE_DONE, NOTHING_DONE, retrying, type Wait } from "./retry.ts";
import { connectionError, createTransport, shownUrl, type Transport } from "./transport.ts";

/** Every path may have a leading "/", a directory's a trailing one as well. */
export interface Client {
  put(path: string, source: PutSource, options?: { sha256?: string; requestId?: string }): Promise<PutResult>;
  /** Has the server fetch what lies at a URL, http or https. @throws FsdfsError `fetch-refused`, `fetch-failed`, … */
  putFrom(path: string, url: string, options?: { sha256?: string; requestId?: string }): Promise<PutResult>;
  makeDirectory(path: string): Promise<void>;
  head(path: string): Promise<EntryInfo>;
  get(path: string, options?: GetOptions): Promise<Download>;
  remove(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  move(from: string, to: string): Promise<void>;
  list(path: string, options?: ListOptions): Promise<Listing>;
  /** Every entry, page after page. */
  listAll(path: string, options?: { recursive?: boolean }): AsyncGenerator<Listing["entries"][number]>;
  locate(path: string): Promise<Location>;
  /** In order; null where there is no file. */
  locateMany(paths: readonly string[]): Promise<readonly (Location | null)[]>;
  status(): Promise<SwarmStatus>;
  servers(): Promise<readonly ServerInfo[]>;
  serverFiles(server: string, options?: { limit?: number; after?: string }): Promise<ServerFilesPage>;
  drop(path: string): Promise<void>;
  /** Also of a server that would not serve now. */
  clock(): Promise<ClockStatus>;
  repairClock(options?: { withoutAbsent?: boolean }): Promise<ClockRepair>;
  createKey(name: string, scope: Scope): Promise<CreatedKey>;
  listKeys(): Promise<readonly KeyInfo[]>;
  revokeKey(id: string): Promise<void>;
  /** Also of a server that would not serve now. */
  health(): Promise<Health>;
  /** Lets go of the connections. */
  close(): void;
}

export interface ClientOptions {
  /** "http://host:port", where one server of the swarm is. */
  readonly url: string;
  readonly credential?: ClientCredential;
  /** Milliseconds since the Unix epoch; the system's clock by default. */
  readonly now?: () => number;
  /** Between attempts; real time by default. */
  readonly wait?: Wait;
}

export interface PutSource {
  /** undefined: it is not known before the end. */
  readonly sizeBytes: number | undefined;
  /** Opens the content, again for each attempt. */
  open(): AsyncIterable<Bytes>;
  /** It can be opened once only, so there is one attempt only. */
  readonly once?: boolean;
}

export interface GetOptions {
  /** Bytes `start` to `end`, exclusive. */
  readonly range?: { readonly start: number; readonly end?: number };
  /** Of the whole file. */
  readonly sha256?: string;
  /** "never" takes the file through the server that is asked. */
  readonly redirect?: "auto" | "never";
}

/** From this size on a body waits until the server wants it: a refusal then costs nothing. */
const EXPECT_BYTES_MIN = 1024 * 1024;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

interface Ask {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: AsyncIterable<Bytes>;
  readonly json?: unknown;
  readonly patient?: boolean;
}

export function createClient(options: ClientOptions): Client {
  const base = new URL(options.url);
  const transport = createTransport();
  const send = (ask: Ask) => sendSigned(transport, base, options, ask);
  const once = async (ask: Ask): Promise<string> => {
    const answer = await send(ask);
    if (ask.method === "HEAD") answer.resume();
    const text = await readText(base, answer);
    const status = answer.statusCode ?? 0;
    if (status >= 300) throw answerError(status, text) ?? notFsdfs(base, status);
    return text;
  };
  const repeated = <T>(codes: readonly ErrorCode[], attempt: () => Promise<T>) =>
    retrying(codes, attempt, options.wait);
  /** Asks for JSON, which may be asked for twice. */
  const read = async <T>(target: string): Promise<T> =>
    json<T>(base, await repeated(MAYBE_DONE, () => once({ method: "GET", target })));
  const change = async (method: string, target: string, body?: unknown): Promise<string> =>
    repeated(NOTHING_DONE, () => once({ method, target, ...(body === undefined ? {} : { json: body }) }));

  const client: Client = {
    put: (path, source, { sha256, requestId = randomUUID() } = {}) => {
      const headers = {
        "fsdfs-request-id": requestId,
        "content-type": "application/octet-stream",
        ...(sha256 === undefined ? {} : { "fsdfs-sha256": sha256 }),
        ...(source.sizeBytes === undefined ? {} : { "content-length": String(source.sizeBytes) }),
        ...((source.sizeBytes ?? Number.POSITIVE_INFINITY) >= EXPECT_BYTES_MIN ? { expect: "100-continue" } : {}),
      };
      return repeated(source.once ? [] : MAYBE_DONE, async () => {
        const ask = { method: "PUT", target: fileTarget(path), headers, body: source.open() };
        return json<PutResult>(base, await once(ask));
      });
    },
    putFrom: (path, url, { sha256, requestId = randomUUID() } = {}) => {
      const headers = { "fsdfs-request-id": requestId, ...(sha256 === undefined ? {} : { "fsdfs-sha256": sha256 }) };
      const target = fileTarget(path) + queryOf({ from: url });
      return repeated(MAYBE_DONE, async () =>
        json<PutResult>(base, await once({ method: "PUT", target, headers, patient: true })),
      );
    },
    makeDirectory: async (path) => {
      await change("PUT", directoryTarget(path));
    },
    head: (path) =>
      repeated(MAYBE_DONE, async () => {
        const answer = await send({ method: "HEAD", target: fileTarget(path) });
        answer.resume();
        const status = answer.statusCode ?? 0;
        if (status >= 300) throw bodilessError(status, path);
        return infoFromHeaders(path, answer.headers);
      }),
    get: (path, get = {}) => repeated(MAYBE_DONE, () => openDownload(transport, base, send, path, get)),
    remove: async (path) => {
      await change("DELETE", fileTarget(path));
    },
    removeDirectory: async (path) => {
      await change("DELETE", directoryTarget(path));
    },
    move: async (from, to) => {
      await change("POST", "/move", { from: parsePath(from), to: parsePath(to) });
    },
    list: (path, list = {}) => read<Listing>(directoryTarget(path) + queryOf({ ...list })),
    listAll: async function* (path, { recursive = false } = {}) {
      for (let after: string | null | undefined; after !== null; ) {
        const page: Listing = await client.list(path, { recursive, ...(after === undefined ? {} : { after }) });
        yield* page.entries;
        after = page.next;
      }
    },
    locate: (path) => read<Location>(`/locate/${encodeUrlPath(parsePath(path))}`),
    locateMany: async (paths) => {
      const body = { paths: paths.map(parsePath) };
      const text = await repeated(MAYBE_DONE, () => once({ method: "POST", target: "/locate", json: body }));
      return json<{ files: (Location | null)[] }>(base, text).files;
    },
    status: () => read<SwarmStatus>("/status"),
    servers: async () => (await read<{ servers: ServerInfo[] }>("/servers")).servers,
    serverFiles: (server, page = {}) =>
      read<ServerFilesPage>(`/servers/${encodeURIComponent(server)}/files${queryOf({ ...page })}`),
    drop: async (path) => {
      await change("POST", `/drop/${encodeUrlPath(parsePath(path))}`);
    },
    clock: () => read<ClockStatus>("/clock"),
    repairClock: async (options = {}) => json<ClockRepair>(base, await change("POST", "/clock/repair", { ...options })),
    createKey: async (name, scope) => json<CreatedKey>(base, await change("POST", "/keys", { name, scope })),
    listKeys: async () => (await read<{ keys: KeyInfo[] }>("/keys")).keys,
    revokeKey: async (id) => {
      await change("DELETE", `/keys/${encodeURIComponent(id)}`);
    },
    health: async () => {
      const answer = await send({ method: "GET", target: "/health" });
      return json<Health>(base, await readText(base, answer));
    },
    close: () => transport.close(),
  };
  return client;
}

function sendSigned(transport: Transport, base: URL, options: ClientOptions, ask: Ask): Promise<IncomingMessage> {
  const { method, target } = ask;
  const now = options.now ?? Date.now;
  const authorized = authorization(options.credential ?? { kind: "none" }, method, target, now());
  const payload = ask.json === undefined ? undefined : Buffer.from(JSON.stringify(ask.json));
  const body = payload === undefined ? ask.body : single(payload);
  return transport.send({
    method,
    url: new URL(target, base),
    headers: {
      ...ask.headers,
      ...(authorized === undefined ? {} : { authorization: authorized }),
      ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": `${payload.length}` }),
    },
    ...(body === undefined ? {} : { body }),
    ...(ask.patient ? { patient: true } : {}),
  });
}

/**
 * A redirect leads to a server that holds the file, by a link that is signed and so needs no key of ours (which that
 * server might not be meant to see). Where it leads nowhere, the file is taken through the server that was asked.
 */
async function openDownload(
  transport: Transport,
  base: URL,
  send: (ask: Ask) => Promise<IncomingMessage>,
  path: string,
  { range, sha256, redirect = "auto" }: GetOptions,
): Promise<Download> {
  const headers = range === undefined ? {} : { range: `bytes=${range.start}-${(range.end ?? 0) - 1}` };
  if (range !== undefined && range.end === undefined) headers.range = `bytes=${range.start}-`;
  const direct = async (query: string) => await send({ method: "GET", target: fileTarget(path) + query, headers });
  const first = await direct(redirect === "never" ? "?redirect=never" : "");
  if (first.statusCode !== 307) return await checkedDownload(path, base, first, sha256);
  first.resume();
  const holder = URL.parse(first.headers.location ?? "", base.href);
  if (holder !== null) {
    try {
      const second = await transport.send({ method: "GET", url: holder, headers });
      return await checkedDownload(path, holder, second, sha256);
    } catch (error) {
      if (!(error instanceof FsdfsError)) throw error;
    }
  }
  return await checkedDownload(path, base, await direct("?redirect=never"), sha256);
}

async function checkedDownload(path: string, url: URL, answer: IncomingMessage, sha256?: string): Promise<Download> {
  const status = answer.statusCode ?? 0;
  if (status === 200 || status === 206) return download(path, url, answer, sha256);
  throw answerError(status, await readText(url, answer)) ?? notFsdfs(url, status);
}

async function* single(chunk: Bytes): AsyncGenerator<Bytes> {
  yield chunk;
}

async function readText(url: URL, answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > ANSWER_BYTES_MAX) throw new Error(`an answer has more than ${ANSWER_BYTES_MAX} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw connectionError(url, error);
  }
  return Buffer.concat(chunks).toString();
}

/** The server's own type is taken on trust: it is of the same release, or says which in `softwareVersion`. */
function json<T>(url: URL, text: string): T {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) throw notFsdfs(url, 200);
  return value as T;
}

function notFsdfs(url: URL, status: number): FsdfsError {
  const reason = `what answers there (with status ${status}) is not fsdfs`;
  return new FsdfsError("server-unreachable", { url: shownUrl(url), reason });
}

function fileTarget(path: string): string {
  return `/files/${encodeUrlPath(parsePath(path))}`;
}

function directoryTarget(path: string): string {
  const directory = parseDirectoryPath(path);
  return directory === "" ? "/files/" : `/files/${encodeUrlPath(directory)}/`;
}

function queryOf(members: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== false);
  return given.length === 0
    ? ""
    : `?${new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]))}`;
}
