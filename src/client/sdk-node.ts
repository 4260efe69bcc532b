/** `import { createClient } from "fsdfs"` on Node.js, Deno and Bun. */
import { createHash } from "node:crypto";
import { type Client, clientOn } from "./client.ts";
import { authorization } from "./credentials.ts";
import { PATIENT_INIT } from "./patience.ts";
import { requestKeyFromPassword } from "./request-key.ts";
import type { SdkOptions } from "./sdk.ts";
import { createFetchTransport } from "./transport-fetch.ts";

export * from "./sdk.ts";

export interface NodeSdkOptions extends SdkOptions {
  /** The swarm's password, instead of a key: requests are signed with what is derived from it, and may do everything. */
  readonly password?: string;
}

export function createClient({ url, key, password }: NodeSdkOptions): Client {
  const transport = createFetchTransport({ streamsRequests: true, patientInit: PATIENT_INIT });
  const sha256 = () => {
    const hash = createHash("sha256");
    return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest("hex") };
  };
  // Stretched when it is first needed, and once.
  let requestKey: Promise<Uint8Array> | undefined;
  const authorize = async (method: string, target: string) => {
    if (key !== undefined) return `Bearer ${key}`;
    if (password === undefined) return undefined;
    requestKey ??= requestKeyFromPassword(password);
    return authorization({ kind: "signing", requestKey: await requestKey }, method, target, Date.now());
  };
  return clientOn({ transport, sha256 }, { url, authorize });
}
