/** Whose certificates the command line takes: those of known authorities, of one that was named, and of the server on this
 * machine, whatever name that one bears. */
import { X509Certificate } from "node:crypto";
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate, rootCertificates } from "node:tls";

export interface Trust {
  /** PEM. */
  readonly authorities?: string;
  /** PEM: the certificate of a server that is known by its files. */
  readonly own?: string;
}

export function trustOptions({ authorities, own }: Trust): ConnectionOptions {
  if (authorities === undefined && own === undefined) return {};
  const extra = [authorities, own].filter((pem) => pem !== undefined);
  const pinned = own === undefined ? undefined : new X509Certificate(own).raw;
  return {
    ca: [...rootCertificates, ...extra],
    // A server's own certificate is enough, also where its authority is not known here.
    allowPartialTrustChain: true,
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      pinned?.equals(certificate.raw) ? undefined : checkServerIdentity(host, certificate),
  };
}
