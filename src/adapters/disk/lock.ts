/**
 * One process for one directory, by a lock that the kernel holds and drops with the process, however it ends.
 *
 * Node cannot lock a file by itself; the SQLite in it can (fcntl locks on its database file), in all network namespaces
 * and containers that see the directory, which a socket's name does not reach. A pid file would outlive a kill -9. The
 * file `lock` stays behind, empty. No other code of this process may open and close it: that would drop the lock.
 */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FsdfsError } from "../../errors.ts";
import { systemCode } from "./failures.ts";

const SQLITE_BUSY = 5;

/** Kept from being collected, which would let go of them. */
const held = new Set<DatabaseSync>();

/**
 * Makes the directory where it is missing, and locks it for this process. Answers the function that unlocks it.
 *
 * @throws FsdfsError `data-in-use` when it is locked already, `data-not-writable` when there cannot be a lock
 */
export async function lockDirectory(path: string): Promise<() => Promise<void>> {
  const database = openLock(path);
  held.add(database);
  return async () => {
    if (held.delete(database)) database.close();
  };
}

function openLock(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // SQLite would lock a file that it may only read, in silence.
    accessSync(path, constants.W_OK);
    database = new DatabaseSync(join(path, "lock"), { timeout: 0 });
    // Nothing is ever written, so no journal is needed beside it. (OFF is ignored in SQLite's defensive mode.)
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if (isBusy(error)) throw new FsdfsError("data-in-use", {}, { cause: error });
    // SQLite's messages name no path, the system's do.
    const reason = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
    throw new FsdfsError("data-not-writable", { reason }, { cause: error });
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}
