/**
 * Leases: how processes that do not decide know that what they read is fresh (M2, P5). The control process writes down
 * until when its freshness holds by itself, in a register that all processes of the server read at once.
 *
 * F5. While a lease lasts, whoever takes a snapshot of this server's catalog after looking at the register sees every
 *     write that was acknowledged before, by each server that this one counts as up. For the lease ends 1.5 s after the
 *     oldest heartbeat that freshness rests on was sent, and by F3 what the answers to those did not announce is not
 *     acknowledged before.
 * F6. What ends freshness otherwise (a server that comes up, a goodbye, a catalog that is given up) is written into the
 *     register before anything follows from it. A register is read and written as one step, so nobody has to answer: who
 *     looked before began to answer before.
 * F7. A snapshot is of the catalog that the lease speaks of only if the register has the same revision before and after
 *     it was taken: a catalog that is given up, and settings that change, end the revision first.
 */

/** A server whose control process stands still ends answering readers after so long, whatever freshness would allow. */
export const LEASE_MS = 1000;

export interface Lease {
  /** On the clock that all processes of the machine share, in milliseconds; it does not hold from then on. */
  readonly until: number;
  /** Of what the serving processes were told of settings and other servers. */
  readonly revision: number;
  /**
   * How often the catalog has changed. It rises when a change is visible, before anything follows from it: what was read
   * at the same count is as fresh as a new snapshot.
   */
  readonly changes: number;
}

/** Until when a lease that is given at `now` may last, on the same clock; at `now` or before: none is given. */
export function leaseUntil(now: number, freshUntil: number): number {
  return Math.min(freshUntil, now + LEASE_MS);
}
