/**
 * The real network: frames (frames.ts) over TLS 1.3 whose pre-shared key is the password, on Node's own `tls`. "control"
 * and "bulk" are connections of their own, so that file content never delays a heartbeat.
 */

import { swarmKey } from "../../core/security/swarm-key.ts";
import { type Connection, type Network, NetworkError, type RequestHandler } from "../../ports/network.ts";
import { openConnection } from "./connection.ts";
import { CLOSE_GRACE_MS, MESH_LIMITS, type MeshLimits } from "./limits.ts";
import { type MeshCounters, MeshListener } from "./listener.ts";

export interface MeshOptions {
  readonly password: string;
  /** All interfaces, IPv4 and IPv6, when not given. */
  readonly listenHost?: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** A caller with another password was refused. Called at most once a minute for each address. */
  readonly onRefused?: (remoteAddress: string) => void;
  /** So many bytes have gone out to other servers, this side's own and the answers to theirs. */
  readonly onSent?: (bytes: number) => void;
  readonly limits?: Partial<MeshLimits>;
}

export interface MeshNetwork extends Network {
  /** Who was not let in, since the start. */
  counters(): MeshCounters;
}

export function createMeshNetwork(options: MeshOptions): MeshNetwork {
  const limits = { ...MESH_LIMITS, ...options.limits };
  const sent = options.onSent ?? (() => {});
  const closing = new AbortController();
  const connections = new Set<Connection>();
  let listener: MeshListener | undefined;

  async function listen(handler: RequestHandler): Promise<number> {
    const key = await swarmKey(options.password);
    if (listener || closing.signal.aborted) throw new NetworkError("closed", "this network listens, or is closed");
    listener = new MeshListener(key, handler, limits, { refused: options.onRefused ?? (() => {}), sent });
    return listener.listen(options.listenHost, options.port);
  }

  async function connect(address: string, purpose: "control" | "bulk"): Promise<Connection> {
    const key = await swarmKey(options.password);
    if (closing.signal.aborted) throw new NetworkError("closed", "this network is closed");
    const connection = await openConnection(address, key, purpose, limits, closing.signal, sent);
    connections.add(connection);
    void connection.closed.then(() => connections.delete(connection));
    return connection;
  }

  async function close(): Promise<void> {
    closing.abort();
    const ended = Promise.all([...connections].map((connection) => connection.closed));
    for (const connection of connections) connection.close();
    await Promise.all([ended, listener?.close(CLOSE_GRACE_MS)]);
  }

  return {
    listen,
    connect,
    close,
    counters: () => ({ wrongPasswords: 0, strangers: 0, dropped: 0, ...listener?.counters }),
  };
}
