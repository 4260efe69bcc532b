/** Letting callers in: what they show, judged by the server, against what the operation asks for. */
import type { IncomingHttpHeaders } from "node:http";
import { FsdfsError } from "../../errors.ts";
import type { Face, Principal } from "../../server/face.ts";
import { readCredential, readLink } from "./credentials.ts";
import { type Operation, requireScope } from "./operation.ts";

export interface Request {
  readonly method: string;
  /** Path and query as they came. */
  readonly target: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** @throws FsdfsError `unauthorized`, `key-unknown`, `signature-invalid`, `link-expired`, `forbidden` */
export async function admit(
  operation: Operation,
  request: Request,
  { face, publicRead }: { readonly face: Face; readonly publicRead: boolean },
): Promise<Principal> {
  if (operation.scope === "none") return { scope: "read" };
  const link = operation.linkable ? readLink(request.query) : undefined;
  const credential = link ?? readCredential(request.headers);
  if (credential.kind === "none") {
    if (publicRead && operation.scope === "read") return { scope: "read" };
    throw new FsdfsError("unauthorized");
  }
  // A link to read a file lets its headers be read as well.
  const method = link !== undefined && request.method === "HEAD" ? "GET" : request.method;
  const principal = await face.authenticate(credential, { method, target: request.target });
  requireScope(principal, operation.scope);
  return principal;
}
