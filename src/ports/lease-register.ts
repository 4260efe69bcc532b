/** The place where a server's control process says until when its serving processes may answer readers (lease.ts). */
import type { Lease } from "../core/swarm/lease.ts";

export interface LeaseRegister {
  /** Milliseconds on a monotonic clock that all processes of this machine share. */
  now(): number;
  /** What was written last, by whichever process, in one step. */
  read(): Lease;
  /** Everybody who reads from now on reads this. */
  write(lease: Lease): void;
}
