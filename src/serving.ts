/** The serving processes of a server on this machine, wired to it: what they share with it, and what it tells them. */
import { existsSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createLeaseRegister, type OwnLeaseRegister } from "./adapters/system/lease-register.ts";
import { ServingPool } from "./adapters/system/serving-pool.ts";
import { STATE_DIRECTORY_NAME } from "./config.ts";
import { hex } from "./core/bytes.ts";
import { deriveTokenKeys } from "./core/security/tokens.ts";
import { FsdfsError } from "./errors.ts";
import type { Certificate } from "./ports/certificate.ts";
import type { Log } from "./ports/log.ts";
import type { Server } from "./server/server.ts";
import type { ReadCounts } from "./server/serving/read-counts.ts";
import type { ServingInit } from "./serving-process.ts";
import type { StartOptions } from "./start-options.ts";

/** Linux takes 107 bytes, macOS 103. */
const SOCKET_PATH_BYTES_MAX = 103;
const SOCKET_NAME = "control.sock";
/** After a control process was killed its serving processes end, and let go of the port, within so long. */
const REMNANTS_MS_MAX = 3_000;
const REMNANTS_POLL_MS = 20;

/** Next to this file, written in the same language. */
const ENTRY = join(import.meta.dirname, `serving-process${extname(import.meta.filename)}`);

/** What serving processes are given of their server. */
export interface Served {
  readonly server: Server;
  readonly swarmKey: Uint8Array;
  /** The directory of the catalog. */
  readonly catalog: string;
  /** What clients are answered with, when it is by HTTPS. */
  readonly certificate: Certificate | undefined;
  readonly onSent: (bytes: number) => void;
  readonly onEnded: () => void;
}

export class ServingProcesses {
  /** Where the control process is to answer what they hand on. */
  readonly controlSocket: string;
  readonly #options: StartOptions;
  readonly #register: OwnLeaseRegister;
  readonly #pool: ServingPool;
  #served: Served | undefined;

  private constructor(options: StartOptions, log: Log, controlSocket: string) {
    this.#options = options;
    this.controlSocket = controlSocket;
    this.#register = createLeaseRegister();
    try {
      this.#pool = new ServingPool({
        count: options.processes,
        entry: ENTRY,
        port: options.port,
        host: options.listen,
        registerDescriptor: this.#register.descriptor,
        log,
        onSent: (bytes) => this.#served?.onSent(bytes),
        onReads: (reads) => this.#served?.server.countReads(reads as ReadCounts),
        onEnded: () => this.#served?.onEnded(),
      });
    } catch (error) {
      this.#register.close();
      throw error;
    }
  }

  /** Takes the port and starts the processes, which serve when `begin` is called. @throws FsdfsError `port-in-use` */
  static async prepare(options: StartOptions, log: Log): Promise<ServingProcesses> {
    const controlSocket = await socketPath(join(options.data, STATE_DIRECTORY_NAME, SOCKET_NAME));
    // It is removed at the end, but not by a control process that was killed.
    const waitMs = existsSync(controlSocket) ? REMNANTS_MS_MAX : 0;
    const until = performance.now() + waitMs;
    await removeSocket(controlSocket); // Before anything is begun that would have to be ended if it fails.
    for (;;) {
      try {
        return new ServingProcesses(options, log, controlSocket);
      } catch (error) {
        const isTaken = error instanceof FsdfsError && error.code === "port-in-use";
        if (!isTaken || performance.now() >= until) throw error;
        await delay(REMNANTS_POLL_MS);
      }
    }
  }

  /** Where clients are served. */
  get port(): number {
    return this.#pool.port;
  }

  /** Resolves when clients are served. The gateway at `controlSocket` must answer by now. */
  async begin(served: Served): Promise<void> {
    this.#served = served;
    const { data, publicRead, logLevel, cors = [] } = this.#options;
    const { controlSocket } = this;
    await chmod(controlSocket, 0o600);
    const keys = deriveTokenKeys(served.swarmKey);
    const tokenKeys = { link: hex(keys.link), request: hex(keys.request) };
    const init: ServingInit = {
      ...{ data, catalog: served.catalog, controlSocket, publicRead, logLevel, tokenKeys, cors },
      ...(served.certificate && { certificate: served.certificate.pair }),
    };
    served.server.leaseTo(this.#register, { publish: (view) => this.#pool.publish(view) });
    served.certificate?.onChange((certificate) => this.#pool.renew({ ...init, certificate }));
    await this.#pool.serve(init);
  }

  /** How busy they are, 0 to 1. */
  load(): number {
    return this.#pool.load();
  }

  /** Lets what is under way end for a moment, then ends them. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** When nothing of the server writes into the register any more. */
  async letGo(): Promise<void> {
    await this.close(); // They wait still when the server could not start.
    this.#register.close();
    await rm(this.controlSocket, { force: true }).catch(() => undefined); // The next start removes it, or tells why not.
    if (!this.controlSocket.startsWith(this.#options.data)) await rm(dirname(this.controlSocket), { recursive: true });
  }
}

/** @throws FsdfsError `data-not-writable` */
async function removeSocket(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FsdfsError("data-not-writable", { reason }, { cause: error });
  }
}

/** In the state directory, or where the path is shorter. */
async function socketPath(wanted: string): Promise<string> {
  if (Buffer.byteLength(wanted) <= SOCKET_PATH_BYTES_MAX) return wanted;
  return join(await mkdtemp(join(tmpdir(), "fsdfs-")), SOCKET_NAME);
}
