/** How a client proves what it may: the Authorization header of a request (DESIGN section 10). */
import type { Bytes } from "../core/catalog/kv.ts";
import { signRequest } from "../core/security/tokens.ts";

export type ClientCredential =
  | { readonly kind: "none" }
  | { readonly kind: "key"; readonly secret: string }
  /** Made from the swarm's password: see request-key.ts. */
  | { readonly kind: "signing"; readonly requestKey: Bytes };

/** Long enough for clocks that differ by M3's minute, short enough to be of no use to who records it. */
const SIGNATURE_LIFETIME_S = 5 * 60;

/** `target` is path and query exactly as on the request line; `nowMs` counts from the Unix epoch. */
export function authorization(
  credential: ClientCredential,
  method: string,
  target: string,
  nowMs: number,
): string | undefined {
  switch (credential.kind) {
    case "none":
      return undefined;
    case "key":
      return `Bearer ${credential.secret}`;
    case "signing": {
      const expires = Math.floor(nowMs / 1000) + SIGNATURE_LIFETIME_S;
      return `FSDFS-HMAC expires=${expires},mac=${signRequest(credential.requestKey, { method, target, expires })}`;
    }
  }
}
