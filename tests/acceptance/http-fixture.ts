/**
 * A server on this machine's disk and network with an HTTP gateway in front of it: keys of each scope, requests, and a
 * look behind.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STATE_DIRECTORY_NAME } from "../../src/config.ts";
import { encodeUrlPath, parsePath } from "../../src/core/paths.ts";
import { swarmKey } from "../../src/core/security/swarm-key.ts";
import { deriveTokenKeys, signLink, signRequest, type TokenKeys } from "../../src/core/security/tokens.ts";
import { FsdfsError } from "../../src/errors.ts";
import { createHttpGateway, type HttpGateway } from "../../src/gateways/http/gateway.ts";
import type { HttpLimits } from "../../src/gateways/http/limits.ts";
import { createServingGateway } from "../../src/gateways/http/serving-gateway.ts";
import { startRealServer } from "../../src/main.ts";
import type { Log } from "../../src/ports/log.ts";
import { type Face, type Listing, NotHere, type ReadyFace } from "../../src/server/face.ts";
import type { StartOptions } from "../../src/start-options.ts";
import { freePortPair } from "../free-ports.ts";
import { type ObservedFace, observe } from "./http-observed-face.ts";

const PASSWORD = "a password for tests only, of many letters";
const LOOPBACK = "127.0.0.1";

/** A real server, with keys of each scope. */
export interface TestServer {
  readonly face: Face;
  /** Where it sends its clients: the gateway that is opened first should listen here. */
  readonly httpPort: number;
  readonly swarmPort: number;
  /** The data directory. */
  readonly data: string;
  readonly keys: Keys;
  readonly tokenKeys: TokenKeys;
  /** Removes the data directory as well, unless it is to be kept. */
  stop(end?: { readonly keepData: boolean }): Promise<void>;
}

interface Keys {
  readonly read: string;
  readonly write: string;
  readonly admin: string;
  readonly revoked: string;
}

/** A gateway in front of a server. */
export interface Fixture {
  /** Between the gateway and the server. */
  readonly face: ObservedFace;
  readonly port: number;
  readonly url: string;
  readonly server: TestServer;
  readonly keys: Keys;
  /** What the gateway logged as an error: a bug, unless the test wanted it. */
  readonly logged: string[];
  /** Sends with the write key unless told otherwise; `key: null` sends none. */
  request(target: string, init?: RequestInit & { key?: string | null }): Promise<Response>;
  /** Headers of a request signed with the password. */
  signed(method: string, target: string, expiresInS?: number): { authorization: string };
  /** A signed link to the file on this server. */
  link(path: string, version: string): URL;
  /** All that is there: the entries of the catalog, and the files of the data directory with their digests. */
  snapshot(): Promise<unknown>;
  /** Only the gateway; the server goes on. */
  close(): Promise<void>;
}

export interface ServerChoices {
  readonly quotaBytes?: number;
  /** A server of the swarm to join. */
  readonly join?: TestServer;
  /** A data directory that was kept; a new one unless given. */
  readonly data?: string;
}

export interface GatewayChoices {
  readonly publicRead?: boolean;
  readonly fetchPrivate?: boolean;
  readonly localSecret?: string;
  readonly limits?: Partial<HttpLimits>;
  readonly onSent?: (bytes: number) => void;
  readonly cors?: readonly string[];
  /** Any free one unless given. */
  readonly port?: number;
}

export async function startServer(choices: ServerChoices = {}): Promise<TestServer> {
  const data = choices.data ?? (await mkdtemp(join(tmpdir(), "fsdfs-http-")));
  const [[httpPort], [port, swarmPort]] = await Promise.all([freePortPair(), freePortPair()]);
  const running = await startRealServer(serverOptions(choices, { data, port, httpPort, swarmPort }));
  const { face } = running.server;
  await until(() => isReady(face));
  return {
    face,
    httpPort,
    swarmPort,
    data,
    keys: await makeKeys(face),
    tokenKeys: deriveTokenKeys(await swarmKey(PASSWORD)),
    stop: async ({ keepData } = { keepData: false }) => {
      await running.stop();
      if (!keepData) await rm(data, { recursive: true, force: true });
    },
  };
}

let isRelayed = false;

/** From now on gateways are behind one that hands every request on, as serving processes do. */
export function relayEverything(): void {
  isRelayed = true;
}

/** A serving process's gateway that has nothing ready itself. */
function openRelay(controlSocket: string, choices: GatewayChoices, log: Log): HttpGateway {
  const nothing = new Proxy({} as ReadyFace, {
    get: () => () => {
      throw new NotHere();
    },
  });
  const { publicRead = false, limits = {} } = choices;
  const where = { port: 0, host: LOOPBACK };
  return createServingGateway({ face: nothing, log, publicRead, limits, where, controlSocket });
}

export async function openGateway(server: TestServer, choices: GatewayChoices = {}): Promise<Fixture> {
  const { keys, tokenKeys, data } = server;
  const face = observe(server.face);
  const logged: string[] = [];
  const controlSocket = join(tmpdir(), `fsdfs-http-${randomUUID()}.sock`);
  const gateway = createHttpGateway({
    publicRead: false,
    port: 0,
    ...choices,
    ...(isRelayed ? { port: controlSocket } : {}),
    face,
    log: collectingLog(logged),
    listenHost: LOOPBACK,
  });
  const direct = await gateway.listen();
  const relay = isRelayed ? openRelay(controlSocket, choices, collectingLog(logged)) : undefined;
  const { port } = (await relay?.listen()) ?? direct;
  const url = `http://${LOOPBACK}:${port}`;
  return {
    face,
    port,
    url,
    server,
    keys,
    logged,
    request: (target, { key = keys.write, ...init } = {}) => {
      const headers = new Headers(init.headers);
      if (key !== null) headers.set("authorization", `Bearer ${key}`);
      return fetch(url + target, { redirect: "manual", ...init, headers });
    },
    signed: (method, target, expiresInS = 60) => {
      const expires = nowS() + expiresInS;
      const mac = signRequest(tokenKeys.request, { method, target, expires });
      return { authorization: `FSDFS-HMAC expires=${expires},mac=${mac}` };
    },
    link: (path, version) => {
      const expires = nowS() + 60;
      const mac = signLink(tokenKeys.link, { method: "GET", path, version, expires });
      return new URL(`${url}/files/${encodeUrlPath(parsePath(path))}?version=${version}&expires=${expires}&mac=${mac}`);
    },
    snapshot: async () => ({ entries: await allEntries(face), files: await tree(data) }),
    close: async () => {
      await relay?.close();
      await gateway.close();
    },
  };
}

interface Places {
  readonly data: string;
  readonly port: number;
  readonly httpPort: number;
  readonly swarmPort: number;
}

/** The server's own gateway listens too, on `port`; its clients are sent to the one of the test, on `httpPort`. */
function serverOptions({ quotaBytes, join: joined }: ServerChoices, places: Places): StartOptions {
  return {
    ...places,
    url: `http://${LOOPBACK}:${places.httpPort}`,
    password: PASSWORD,
    state: undefined,
    listen: LOOPBACK,
    discovery: false,
    fetchPrivate: false,
    processes: 0,
    logLevel: "error",
    name: `server-${places.httpPort}`,
    zone: undefined,
    join: joined === undefined ? [] : [`${LOOPBACK}:${joined.swarmPort}`],
    quotaBytes: quotaBytes ?? 1_000_000_000,
    reserve: 0.02,
    copies: undefined,
    writeCopies: undefined,
    graceMs: 600_000,
    pulls: 4,
    pullRate: undefined,
    serveRate: undefined,
    bandwidth: undefined,
    deletionsKeptMs: 24 * 3_600_000,
    scrubMs: undefined,
    trashKeptMs: 7 * 24 * 3_600_000,
    strict: false,
    redirect: "auto",
    publicRead: false,
    asNew: false,
    softwareVersion: "test",
  };
}

/** A machine that has much else to do may take longer for a start than a request waits for it. */
async function isReady(face: Face): Promise<boolean> {
  try {
    await face.listKeys();
    return true;
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "behind") return false;
    throw error;
  }
}

async function makeKeys(face: Face): Promise<Keys> {
  const gone = await face.createKey("gone", "admin");
  await face.revokeKey(gone.id);
  return {
    read: (await face.createKey("r", "read")).secret,
    write: (await face.createKey("w", "write")).secret,
    admin: (await face.createKey("a", "admin")).secret,
    revoked: gone.secret,
  };
}

async function allEntries(face: Face): Promise<Listing["entries"]> {
  return (await face.list("", { recursive: true, limit: 10_000 })).entries;
}

/**
 * Every file and link in the data directory but the catalog's and the mark of names, which rises with the clock whatever
 * is asked; staged files and trash are there as well.
 */
async function tree(data: string): Promise<string[]> {
  const entries = await readdir(data, { recursive: true, withFileTypes: true });
  const passedOver = ["catalog", "names-"].map((name) => join(data, STATE_DIRECTORY_NAME, name));
  const described = entries
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .filter(({ entry, path }) => !entry.isDirectory() && !passedOver.some((start) => path.startsWith(start)))
    .map(async ({ entry, path }) => {
      const content = entry.isSymbolicLink() ? `a link to ${await readlink(path)}` : await digestOf(path);
      return `${path.slice(data.length + 1)} ${content}`;
    });
  return (await Promise.all(described)).sort();
}

async function digestOf(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

function collectingLog(logged: string[]): Log {
  const ignore = () => {};
  return {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (message, fields) => void logged.push(`${message} ${JSON.stringify(fields)}`),
  };
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

/** The caller says what the API promises. */
export async function jsonOf<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve));
}
