/**
 * The lease register: some bytes in a file without a name, which processes share by its descriptor. A file's pages
 * are the kernel's, so a write is there for everybody when the call returns, and both calls are done in a microsecond.
 */
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LEASE_MS, type Lease } from "../../core/swarm/lease.ts";
import type { LeaseRegister } from "../../ports/lease-register.ts";

/** Memory, where the system has it as a directory: no disk is kept awake. */
const MEMORY = "/dev/shm";
const NS_PER_MS = 1e6;
const NONE: Lease = { until: 0, revision: 0, changes: 0 };

export interface OwnLeaseRegister extends LeaseRegister {
  /** To be handed to the processes that read. */
  readonly descriptor: number;
  close(): void;
}

/** A new one, in which no lease is written. */
export function createLeaseRegister(): OwnLeaseRegister {
  const directory = mkdtempSync(join(isDirectory(MEMORY) ? MEMORY : tmpdir(), "fsdfs-lease-"));
  const path = join(directory, "register");
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  rmSync(directory, { recursive: true });
  const register = openLeaseRegister(descriptor);
  register.write(NONE);
  return { ...register, descriptor, close: () => closeSync(descriptor) };
}

/** One that another process has made. */
export function openLeaseRegister(descriptor: number): LeaseRegister {
  const cells = new Float64Array(4);
  return {
    now: () => Number(process.hrtime.bigint()) / NS_PER_MS,
    read(): Lease {
      if (readSync(descriptor, cells, 0, cells.byteLength, 0) !== cells.byteLength) return NONE;
      // While the machine sleeps the clock that all share stands still: a lease that is so old is over.
      const isOver = Date.now() - cells[3]! > LEASE_MS;
      return { until: isOver ? 0 : cells[0]!, revision: cells[1]!, changes: cells[2]! };
    },
    write({ until, revision, changes }) {
      cells[0] = until;
      cells[1] = revision;
      cells[2] = changes;
      cells[3] = Date.now();
      writeSync(descriptor, cells, 0, cells.byteLength, 0);
    },
  };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
