/** What the system says of a failed call, in the file store's terms. */
import { FileStoreError, type FileStoreErrorCode } from "../../ports/file-store.ts";

const CODES: Readonly<Record<string, FileStoreErrorCode>> = {
  EEXIST: "exists",
  ENOENT: "missing",
  EISDIR: "not-a-file",
  // Opening a socket.
  ENXIO: "not-a-file",
  ENOTDIR: "not-a-directory",
  ENOTEMPTY: "not-empty",
  ELOOP: "symlink",
  ENOSPC: "no-space",
  EDQUOT: "no-space",
  EROFS: "read-only",
  ENAMETOOLONG: "too-long",
  EACCES: "denied",
  EPERM: "denied",
  EXDEV: "other-device",
  EMFILE: "busy",
  ENFILE: "busy",
  ENOMEM: "busy",
  EAGAIN: "busy",
  EIO: "io",
};

export function failure(code: FileStoreErrorCode, name: string, cause?: unknown): FileStoreError {
  return new FileStoreError(code, `${code}: ${name}`, cause === undefined ? {} : { cause });
}

/** The error to throw for `error`; what is no failed system call is left as it is. */
export function failureOf(error: unknown, name: string): unknown {
  if (error instanceof FileStoreError) return error;
  const code = systemCode(error);
  return code === undefined ? error : failure(CODES[code] ?? "io", name, error);
}

/** As failureOf(), for calls that change a directory: what may not be changed is read-only. */
export function changeFailureOf(error: unknown, name: string): unknown {
  const code = systemCode(error);
  return code === "EACCES" || code === "EPERM" ? failure("read-only", name, error) : failureOf(error, name);
}

export function systemCode(error: unknown): string | undefined {
  // Only failed system calls have a number besides the code.
  if (!(error instanceof Error) || !("code" in error) || !("errno" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
