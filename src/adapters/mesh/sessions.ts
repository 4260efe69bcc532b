/** What both ends of a connection do with its HTTP/2 session: settings, windows, signs of life. */
import type { Http2Session } from "node:http2";
import type { TLSSocket } from "node:tls";
import { DecoupledSocket } from "./decoupled.ts";
import type { MeshLimits } from "./limits.ts";

/** Megabytes. Node's 10 refuse requests when some hundred streams are open. */
const SESSION_MEMORY_MB = 1024;
/** nghttp2 ends a session whose other side cancels more than 33 requests a second; a caller here may do so by right. */
const RESETS = { streamResetBurst: 1_000_000, streamResetRate: 100_000 };
/** Node ends a session at the 101st request beyond its limit; here such a request fails by itself. */
const REJECTED_STREAMS_MAX = 1_000_000;

export function sessionOptions(limits: MeshLimits) {
  return {
    ...RESETS,
    maxSessionRejectedStreams: REJECTED_STREAMS_MAX,
    maxSessionMemory: SESSION_MEMORY_MB,
    maxHeaderListPairs: 16,
    maxSendHeaderBlockLength: 4096,
    peerMaxConcurrentStreams: limits.streamsPerSession,
    settings: {
      enablePush: false,
      initialWindowSize: limits.windowBytes,
      maxConcurrentStreams: limits.streamsPerSession,
      maxHeaderListSize: 4096,
    },
  };
}

/** Windows that may lie unsent in memory before a side that does not read is given up: its own, and some for the rest. */
const QUEUED_WINDOWS_MAX = 4;

/** What a session is opened on. `onSent` is told of the bytes that go out. */
export function sessionSocket(socket: TLSSocket, limits: MeshLimits, onSent: (bytes: number) => void): DecoupledSocket {
  socket.setNoDelay(true);
  return new DecoupledSocket(socket, QUEUED_WINDOWS_MAX * limits.windowBytes, onSent);
}

/** For both sides, once the session is up. */
export function tend(session: Http2Session, socket: TLSSocket, limits: MeshLimits): void {
  session.setLocalWindowSize(limits.windowBytes);
  keepAlive(session, socket, limits);
}

/**
 * Gives up a connection from which nothing came for some intervals, pings included. Intervals are counted, not time:
 * after this process itself stood still, the other side gets its chance to answer.
 */
function keepAlive(session: Http2Session, socket: TLSSocket, limits: MeshLimits): void {
  let seenBytes = socket.bytesRead;
  let silentIntervals = 0;
  const timer = setInterval(() => {
    const heard = socket.bytesRead !== seenBytes;
    seenBytes = socket.bytesRead;
    silentIntervals = heard ? 0 : silentIntervals + 1;
    if (silentIntervals > limits.keepaliveIntervals) {
      session.destroy(new Error("the other side is silent"));
      socket.destroy();
    } else if (silentIntervals === 1 && !session.destroyed) {
      session.ping(() => {});
    }
  }, limits.keepaliveIntervalMs);
  timer.unref();
  session.once("close", () => clearInterval(timer));
}
