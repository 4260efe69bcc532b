/**
 * `import { createClient } from "fsdfs"` in browsers, and wherever there is no Node.js API. WebCrypto has no digest that
 * grows with what it is fed, so that of a library is taken.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Client, clientOn } from "./client.ts";
import type { SdkOptions } from "./sdk.ts";
import { createFetchTransport } from "./transport-fetch.ts";

export * from "./sdk.ts";

export function createClient({ url, key }: SdkOptions): Client {
  const transport = createFetchTransport({ streamsRequests: false });
  const newHash = () => {
    const hash = sha256.create();
    return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
  };
  return clientOn(
    { transport, sha256: newHash },
    { url, authorize: () => (key === undefined ? undefined : `Bearer ${key}`) },
  );
}
