/** The mesh's limits: each with its unit and the reason for its value. Tests and operators may override them. */

export interface MeshLimits {
  /** From the first packet to the proven password. Generous: a loaded machine on a slow line needs a second or two. */
  readonly handshakeTimeoutMs: number;
  /** Of a body, what may be on its way or wait to be read: 64 KB give 1 MB/s at 40 ms of round trip, 16 MB fill 1 Gbit/s at 120 ms. */
  readonly windowBytes: number;
  /** Requests that one connection may have under way: far above the thousand that are expected. */
  readonly exchangesPerConnection: number;
  /** Requests of one connection in all: their numbers have four bytes. Then another is made, as after any end of one. */
  readonly exchangesInAll: number;
  /** Connections that others hold open to this server: a mesh of 100 servers with some processes each. */
  readonly inboundConnections: number;
  /** Of these, how many may still be in their handshake: strangers cannot keep the swarm's own servers out. */
  readonly inboundHandshakes: number;
  /** How often an idle connection is asked for a sign of life. */
  readonly keepaliveIntervalMs: number;
  /** Intervals without a byte from the other side after which a connection is given up. */
  readonly keepaliveIntervals: number;
  /** At most one report of a refused caller for each address in this time. */
  readonly refusedReportIntervalMs: number;
}

export const MESH_LIMITS: MeshLimits = {
  handshakeTimeoutMs: 10_000,
  windowBytes: 16 * 1024 * 1024,
  exchangesPerConnection: 8192,
  exchangesInAll: 2 ** 32 - 1,
  inboundConnections: 1024,
  inboundHandshakes: 128,
  keepaliveIntervalMs: 5_000,
  keepaliveIntervals: 4,
  refusedReportIntervalMs: 60_000,
};

/** How many addresses of refused callers are remembered, so that their reports can be spaced. */
export const REFUSED_ADDRESSES_MAX = 1024;

/** Everything that `close()` has not ended by then is cut off. */
export const CLOSE_GRACE_MS = 300;
