/**
 * TLS 1.3 with a pre-shared key and nothing else: no certificate is shown and none is believed.
 *
 * `rejectUnauthorized` stays on and no authority is trusted, so that a server that shows a certificate instead of
 * proving the key is refused, whoever signed it.
 */
import type { PSKCallbackNegotation, SecureVersion } from "node:tls";

/** Names the key on the wire, and with it the version of the protocol. Tells nothing of the password. */
const PSK_IDENTITY = "fsdfs/1";

/** What is spoken over it: frames.ts. Others are turned away. */
export const PROTOCOL = "fsdfs/2";

const SUITE = {
  /** External keys are bound to a hash: with another suite OpenSSL does not offer them. */
  ciphers: "TLS_AES_128_GCM_SHA256",
  minVersion: "TLSv1.3" as SecureVersion,
  maxVersion: "TLSv1.3" as SecureVersion,
  ALPNProtocols: [PROTOCOL],
};

export function serverTls(key: Buffer) {
  return {
    ...SUITE,
    pskCallback: (_socket: unknown, identity: string): Buffer | null => (identity === PSK_IDENTITY ? key : null),
  };
}

export function clientTls(key: Buffer) {
  return {
    ...SUITE,
    ca: [],
    rejectUnauthorized: true,
    checkServerIdentity: () => new Error("a certificate was shown instead of the password"),
    pskCallback: (): PSKCallbackNegotation => ({ psk: key, identity: PSK_IDENTITY }),
  };
}
