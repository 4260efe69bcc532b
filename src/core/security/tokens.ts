/**
 * What the swarm's password opens besides the mesh (section 10): links that one server signs and another honours (S5),
 * and requests signed by a client that knows the password. All of it is HMAC-SHA-256 under keys derived from the
 * stretched password, each for one purpose only. Times are handed in; nothing here reads a clock.
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Bytes } from "../catalog/kv.ts";

export const SWARM_KEY_BYTES = 32;
/** A signed request that could be replayed for longer is refused. Seconds; leaves a minute for clocks that differ. */
export const REQUEST_LIFETIME_MAX_S = 15 * 60;

export interface TokenKeys {
  readonly link: Bytes;
  readonly request: Bytes;
}

/** `swarmKey` is the password stretched by scrypt, 32 bytes. */
export function deriveTokenKeys(swarmKey: Bytes): TokenKeys {
  if (swarmKey.length !== SWARM_KEY_BYTES) throw new RangeError(`a swarm key has ${SWARM_KEY_BYTES} bytes`);
  return { link: derive(swarmKey, "fsdfs link 1"), request: derive(swarmKey, "fsdfs request 1") };
}

/** What a signed link permits. */
export interface LinkClaim {
  readonly method: string;
  /** As the catalog has it: decoded, without a leading "/". */
  readonly path: string;
  readonly version: string;
  /** Seconds since the Unix epoch; not valid from then on. */
  readonly expires: number;
}

/** 64 lower-case hexadecimal digits. */
export function signLink(linkKey: Bytes, claim: LinkClaim): string {
  return mac(linkKey, "fsdfs-link-1", claim.method, claim.version, claim.expires, claim.path);
}

/** Whether `signature` is of that claim and the claim still holds at `nowS`, in seconds since the Unix epoch. */
export function verifyLink(linkKey: Bytes, claim: LinkClaim, signature: string, nowS: number): boolean {
  return nowS < claim.expires && equalText(signature, signLink(linkKey, claim));
}

/** What a signed request asks. */
export interface RequestClaim {
  readonly method: string;
  /** Path and query exactly as on the request line, percent-encoding included. */
  readonly target: string;
  /** Seconds since the Unix epoch; not valid from then on. */
  readonly expires: number;
}

/** 64 lower-case hexadecimal digits. */
export function signRequest(requestKey: Bytes, claim: RequestClaim): string {
  return mac(requestKey, "fsdfs-request-1", claim.method, claim.expires, claim.target);
}

/** As `verifyLink`; also refuses a request that claims to hold for more than REQUEST_LIFETIME_MAX_S from now. */
export function verifyRequest(requestKey: Bytes, claim: RequestClaim, signature: string, nowS: number): boolean {
  if (!(nowS < claim.expires && claim.expires <= nowS + REQUEST_LIFETIME_MAX_S)) return false;
  return equalText(signature, signRequest(requestKey, claim));
}

/** Compares in a time that does not tell where two texts differ. */
export function equalText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function derive(swarmKey: Bytes, purpose: string): Bytes {
  return new Uint8Array(hkdfSync("sha256", swarmKey, new Uint8Array(0), purpose, 32));
}

/** Only the last part may contain a line break (a path can), so no two lists of parts give one message. */
function mac(key: Bytes, ...parts: readonly (string | number)[]): string {
  return createHmac("sha256", key).update(parts.join("\n")).digest("hex");
}
