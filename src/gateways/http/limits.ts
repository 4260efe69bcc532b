/** What the HTTP gateway bears from its clients. Each limit with the reason for its value; docs/LIMITS.md gathers them. */

export interface HttpLimits {
  /** Bytes of a request's line and headers. A path of 1,800 bytes takes 5,400 encoded, and proxies add theirs. */
  readonly headerBytesMax: number;
  /** Bytes of a JSON body. A thousand paths of usual length take a tenth of it. */
  readonly jsonBytesMax: number;
  /** How long a request's headers may take to arrive. */
  readonly headersTimeoutMs: number;
  /** How long a JSON body may take to arrive. */
  readonly jsonTimeoutMs: number;
  /** How long an upload may stand still. There is no limit on its whole time. */
  readonly uploadIdleMs: number;
  /** How long a connection may stand still in both directions, a reader that takes nothing included. */
  readonly connectionIdleMs: number;
  /** How long a connection without a request is kept; longer than the minute that proxies keep theirs. */
  readonly keepAliveMs: number;
  /** Connections of a process at once. Beyond it new ones are closed, so that those there are go on. */
  readonly connectionsMax: number;
  /** After an answer that came before the end of the request's body: how long the rest is read and thrown away, so that
   * a client that is still sending sees the answer and not a reset connection. */
  readonly lingerMs: number;
  /** How long requests under way may go on when the gateway closes. A server has 5 s in all to stop. */
  readonly closeGraceMs: number;
  /** How often `GET /events` says that it is still there; proxies cut what is silent for a minute. */
  readonly eventsHeartbeatMs: number;
  /** How long a client of `GET /events` may take nothing. */
  readonly eventsStallMs: number;
  /** Sources that are fetched from at once (`?from=`). Each holds a connection and a staged file. */
  readonly fetchesMax: number;
  /** How often a source may lead on to another address. */
  readonly fetchRedirectsMax: number;
  /** Bytes of the headers of a source's answer. */
  readonly fetchHeaderBytesMax: number;
  /** How long a source may take from the look-up of its name to the head of its answer, redirects included. */
  readonly fetchAnswerMs: number;
  /** How long a source may stand still. There is no limit on its whole time. */
  readonly fetchIdleMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headerBytesMax: 64 * 1024,
  jsonBytesMax: 1024 * 1024,
  headersTimeoutMs: 20_000,
  jsonTimeoutMs: 30_000,
  uploadIdleMs: 60_000,
  connectionIdleMs: 120_000,
  keepAliveMs: 75_000,
  connectionsMax: 10_000,
  lingerMs: 10_000,
  closeGraceMs: 3_000,
  eventsHeartbeatMs: 15_000,
  eventsStallMs: 60_000,
  fetchesMax: 32,
  fetchRedirectsMax: 5,
  fetchHeaderBytesMax: 16 * 1024,
  fetchAnswerMs: 30_000,
  fetchIdleMs: 60_000,
};
