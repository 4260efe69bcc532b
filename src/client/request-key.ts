/** The key that signs requests, made from the swarm's password. Takes some 300 ms and 128 MB: make it once. */

import type { Bytes } from "../core/catalog/kv.ts";
import { swarmKey } from "../core/security/swarm-key.ts";
import { deriveTokenKeys } from "../core/security/tokens.ts";

export async function requestKeyFromPassword(password: string): Promise<Bytes> {
  return deriveTokenKeys(await swarmKey(password)).request;
}
