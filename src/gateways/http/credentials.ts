/**
 * What a request shows to be let in (section 10): a key, a signature made with the password, or a signed link. Only
 * reads them; whether they hold is for the server to say.
 */
import type { IncomingHttpHeaders } from "node:http";
import { FsdfsError } from "../../errors.ts";
import type { Credential } from "../../server/face.ts";

const BEARER = /^bearer +(\S+)$/i;
const SIGNED = /^fsdfs-hmac +expires=(\d{1,15}) *, *mac=([0-9a-f]{64})$/i;

/** @throws FsdfsError `key-unknown` for an Authorization header of another kind: nobody is let in by mistake */
export function readCredential(headers: IncomingHttpHeaders): Credential {
  const header = headers.authorization?.trim();
  if (header === undefined) return { kind: "none" };
  const secret = BEARER.exec(header)?.[1];
  if (secret !== undefined) return { kind: "key", secret };
  const [, expires, mac] = SIGNED.exec(header) ?? [];
  if (expires !== undefined && mac !== undefined) return { kind: "signature", expires: Number(expires), mac };
  throw new FsdfsError(/^fsdfs-hmac/i.test(header) ? "signature-invalid" : "key-unknown");
}

/** The signed link that a file's URL may be; undefined without one. @throws FsdfsError `link-expired` for half a link */
export function readLink(query: URLSearchParams): Credential | undefined {
  const [version, expires, mac] = [query.get("version"), query.get("expires"), query.get("mac")];
  if (mac === null) return undefined;
  if (version === null || expires === null || !/^\d{1,15}$/.test(expires)) throw new FsdfsError("link-expired");
  return { kind: "link", version, expires: Number(expires), mac };
}
