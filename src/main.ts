/**
 * Where fsdfs is wired together: one server over its ports, and a real one on this machine's disk, network and clock.
 */
import { join } from "node:path";
import { openDiskFileStore } from "./adapters/disk/file-store.ts";
import { isLocked, lockDirectory } from "./adapters/disk/lock.ts";
import { type LmdbStore, openLmdbCatalogStore } from "./adapters/lmdb/catalog-store.ts";
import { createMdnsDiscovery } from "./adapters/mdns/discovery.ts";
import { createMeshNetwork } from "./adapters/mesh/network.ts";
import { policyEvaluator } from "./adapters/policy/evaluator.ts";
import { functionEvaluator } from "./adapters/policy/functions.ts";
import { linkBandwidth } from "./adapters/system/bandwidth.ts";
import { bindSocket } from "./adapters/system/bound-socket.ts";
import { openCertificate } from "./adapters/system/certificate.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { createLoadMeter } from "./adapters/system/load-meter.ts";
import { createLog } from "./adapters/system/log.ts";
import { systemRandom } from "./adapters/system/random.ts";
import { STATE_DIRECTORY_NAME } from "./config.ts";
import { hex } from "./core/bytes.ts";
import type { ProgramPolicy } from "./core/policy/program.ts";
import { swarmKey } from "./core/security/swarm-key.ts";
import { FsdfsError } from "./errors.ts";
import { createHttpGateway } from "./gateways/http/gateway.ts";
import { CatalogStoreError } from "./ports/catalog-store.ts";
import type { Discovery } from "./ports/discovery.ts";
import type { Log } from "./ports/log.ts";
import { NetworkError } from "./ports/network.ts";
import { FsdfsServer } from "./server/fsdfs-server.ts";
import type { Ports, Server, ServerOptions } from "./server/server.ts";
import { ServingProcesses } from "./serving.ts";
import type { StartOptions } from "./start-options.ts";

const LOCAL_SECRET_BYTES = 16;

/** One server over its ports: what a real start and the simulator have in common. */
export function composeServer(ports: Ports, options: ServerOptions): Server {
  return new FsdfsServer(ports, options);
}

export interface RunningServer {
  readonly server: Server;
  /** Where clients are answered. */
  readonly port: number;
  /** Shows the HTTP port that a request comes from who may read it, on this machine. */
  readonly localSecret: string;
  stop(): Promise<void>;
}

/** What a program hands in that runs a server in itself (library/start-server.ts). */
export interface Embedding {
  /** The place of a log of this process. */
  readonly log: Log;
  /** Asked in the place of the policy in the file system, when that says so. */
  readonly policy?: ProgramPolicy | undefined;
}

/** A server on this machine. @throws FsdfsError when it must not start; nothing is left behind then */
export async function startRealServer(options: StartOptions, embedding?: Embedding): Promise<RunningServer> {
  const undo: (() => Promise<void> | void)[] = [];
  try {
    // Locked in fsdfs's own directories: any name in the data directory may be a user's file (P7).
    undo.push(await lockDirectory(join(options.data, STATE_DIRECTORY_NAME)));
    if (options.state !== undefined) undo.push(await lockDirectory(options.state));
    const log = embedding?.log ?? createLog({ level: options.logLevel, pretty: process.stderr.isTTY === true });
    const certificate = options.tls && openCertificate(options.tls, log);
    undo.push(() => certificate?.close());
    // Found out, and begun, before anything that takes its time.
    const serving = options.processes > 0 ? await ServingProcesses.prepare(options, log) : undefined;
    if (serving !== undefined) undo.push(() => serving.letGo());
    // Any free port is taken now, since the other servers are told which it is.
    const door = serving === undefined && options.port === 0 ? bindSocket(0, options.listen) : undefined;
    undo.push(() => door?.[Symbol.dispose]());
    const port = serving?.port ?? door?.address().port ?? options.port;
    const key = await swarmKey(options.password);

    // The outside of the server: disk, catalog, network, the LAN.
    const files = await openDiskFileStore(options.data);
    undo.push(() => files.close());
    const catalogDirectory = options.state ?? join(options.data, STATE_DIRECTORY_NAME, "catalog");
    const catalog = openCatalog(catalogDirectory);
    const meter = createLoadMeter(options.bandwidth ?? (await linkBandwidth()));
    undo.push(() => meter.close());
    const served = () => serving?.load() ?? 0;
    const load = {
      load: () => Math.max(meter.load(), served()),
      clientLoad: () => Math.max(meter.clientLoad(), served()),
    };
    const network = createMeshNetwork({
      password: options.password,
      port: options.swarmPort,
      ...(options.listen === undefined ? {} : { listenHost: options.listen }),
      onRefused: (address) => log.error("a caller with another password was refused", { address }),
      onSent: meter.sent,
    });
    const discovery = options.discovery ? createMdnsDiscovery({ httpPort: port, log }) : noDiscovery;

    // The server itself, and what clients see of it.
    const ports: Ports = {
      clock: systemClock,
      random: systemRandom,
      catalog,
      files,
      network,
      discovery,
      load,
      policies: embedding?.policy ? functionEvaluator(embedding.policy, policyEvaluator) : policyEvaluator,
      log,
    };
    const httpPort = options.port === 0 ? port : options.httpPort;
    const server = composeServer(ports, { ...options, httpPort, swarmKey: key });
    undo.push(() => server.stop());
    await server.start().catch((error: unknown) => {
      throw startError(error, options.swarmPort);
    });
    const localSecret = hex(systemRandom.bytes(LOCAL_SECRET_BYTES));
    const gateway = createHttpGateway({
      face: server.face,
      log,
      publicRead: options.publicRead,
      fetchPrivate: options.fetchPrivate,
      localSecret,
      listenHost: options.listen,
      port: serving?.controlSocket ?? door ?? options.port,
      onSent: meter.served,
      onReceived: () => meter.served(0),
      // Behind serving processes only they speak with clients.
      ...(serving === undefined ? { certificate, cors: options.cors } : {}),
    });
    undo.push(() => gateway.close());
    if (serving !== undefined) undo.push(() => serving.close());
    undo.push(() => gateway.endStreams()); // First, since nobody waits for their end.
    await gateway.listen();
    await serving?.begin({
      server,
      swarmKey: key,
      catalog: catalogDirectory,
      certificate,
      onSent: meter.served,
      onEnded: () => catalog.forgetDeadReaders(),
    });
    const { name, softwareVersion: version, data } = options;
    log.info("the server serves", { name, version, port, swarmPort: server.face.health().swarmPort, data });
    return { server, port, localSecret, stop: () => undoAll(undo) };
  } catch (error) {
    await undoAll(undo);
    throw listenError(error, options);
  }
}

/** By this name servers find each other on a LAN. */
export { SERVICE as MDNS_SERVICE } from "./adapters/mdns/records.ts";

/** Whether some server has this data directory, be it of another user or in another container. */
export function isDataInUse(dataDirectory: string): Promise<boolean> {
  return isLocked(join(dataDirectory, STATE_DIRECTORY_NAME));
}

function openCatalog(directory: string): LmdbStore {
  try {
    return openLmdbCatalogStore(directory);
  } catch (error) {
    if (!(error instanceof CatalogStoreError)) throw error;
    throw new FsdfsError("catalog-unreadable", { reason: error.message }, { cause: error });
  }
}

function startError(error: unknown, swarmPort: number): unknown {
  const isTaken = error instanceof NetworkError && error.code === "port-in-use";
  if (isTaken) return new FsdfsError("port-in-use", { port: swarmPort }, { cause: error });
  // A row that is damaged, in the words of who reads it.
  if (error instanceof RangeError)
    return new FsdfsError("catalog-unreadable", { reason: error.message }, { cause: error });
  return error;
}

/** What the system says when a port may not be had: whoever asked for it has to choose another, or another address. */
function listenError(error: unknown, { listen, swarmPort }: StartOptions): unknown {
  if (!(error instanceof Error)) return error;
  const { code, syscall, port } = error as Error & { code?: string; syscall?: string; port?: number };
  if (syscall !== "bind" && syscall !== "listen") return error;
  const invalid = (option: string, reason: string) =>
    new FsdfsError("option-invalid", { option, reason: `${reason} (${code})` }, { cause: error });
  if (code === "EACCES")
    return invalid(port === swarmPort ? "--swarm-port" : "--port", `port ${port} is for root only`);
  return listen === undefined
    ? error
    : invalid("--listen", `${listen} is no address of this machine that can be listened on`);
}

const noDiscovery: Discovery = {
  start: async () => undefined,
  close: async () => undefined,
};

/** The last that was begun ends first. */
async function undoAll(undo: (() => Promise<void> | void)[]): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}
