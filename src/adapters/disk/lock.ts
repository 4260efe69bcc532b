/**
 * One process for one directory, by a lock that the kernel holds and drops with the process, however it ends.
 *
 * Node cannot lock a file by itself; the SQLite in it can (fcntl locks on its database file), in all network namespaces
 * and containers that see the directory, which a socket's name does not reach. A pid file would outlive a kill -9. The
 * file `lock` stays behind, empty. No other code of this process may open and close it: that would drop the lock.
 */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { FsdfsError } from "../../errors.ts";
import { systemCode } from "./failures.ts";

const SQLITE_BUSY = 5;
/** Who only looks whether it is locked holds it for less; a server that starts meanwhile must not be refused for that. */
const LOOK_MS_MAX = 200;

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

/** Whether some process has locked it. What is not there is not. @throws FsdfsError `data-not-writable` */
export async function isLocked(path: string): Promise<boolean> {
  if (!existsSync(join(path, "lock"))) return false;
  try {
    openLock(path).close();
    return false;
  } catch (error) {
    if (error instanceof FsdfsError && error.code === "data-in-use") return true;
    throw error;
  }
}

function openLock(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    // SQLite would lock a file that it may only read, in silence.
    accessSync(path, constants.W_OK);
    database = new DatabaseSync(join(path, "lock"), { timeout: LOOK_MS_MAX });
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
