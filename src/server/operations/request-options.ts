/** What a client says with a request beside path and body: refused before anything is done where it cannot be right. */
import { FsdfsError } from "../../errors.ts";
import type { PutOptions } from "../face.ts";

const REQUEST_ID_LENGTH_MAX = 64;

export function checkRequestId({ requestId }: { readonly requestId?: string }): void {
  if (requestId !== undefined && (requestId.length < 1 || requestId.length > REQUEST_ID_LENGTH_MAX)) {
    const reason = `it must have 1 to ${REQUEST_ID_LENGTH_MAX} characters`;
    throw new FsdfsError("argument-invalid", { name: "fsdfs-request-id", reason });
  }
}

export function checkPutOptions({ sha256 }: PutOptions): void {
  if (sha256 !== undefined && !/^[0-9a-fA-F]{64}$/.test(sha256)) {
    throw new FsdfsError("argument-invalid", { name: "fsdfs-sha256", reason: "it must be 64 hexadecimal digits" });
  }
}
