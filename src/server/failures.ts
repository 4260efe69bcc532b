/** What went wrong below, as a user is to read it: every failure of a port becomes an error of the catalogue. */
import { FsdfsError, isErrorCode } from "../errors.ts";
import { CatalogStoreError } from "../ports/catalog-store.ts";
import { FileStoreError } from "../ports/file-store.ts";
import { NetworkError, RemoteError } from "../ports/network.ts";

const DISK_ERRORS: Readonly<Record<string, "no-space" | "overloaded">> = { "no-space": "no-space", busy: "overloaded" };

function asUserError(error: unknown): unknown {
  if (error instanceof FileStoreError || error instanceof CatalogStoreError) {
    if (error.code === "closed") return new FsdfsError("stopping", {}, { cause: error });
    return new FsdfsError(DISK_ERRORS[error.code] ?? "disk-failed", {}, { cause: error });
  }
  if (error instanceof NetworkError) return new FsdfsError("interrupted", {}, { cause: error });
  if (error instanceof RemoteError) {
    return isErrorCode(error.code)
      ? new FsdfsError(error.code, error.params, { cause: error })
      : new FsdfsError("internal", {}, { cause: error });
  }
  return error;
}

/** Runs a task whose failures are for users. */
export async function guarded<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw asUserError(error);
  }
}

/** Runs a task after the catalog has changed: when it fails, the change may last or not, and nobody may be told "no". */
export async function afterChange<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw new FsdfsError("interrupted", {}, { cause: error });
  }
}

/** As `guarded`, for a stream. */
export async function* guardedStream<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* stream;
  } catch (error) {
    throw asUserError(error);
  }
}
