/** The certificate by which clients know this server, as it is now: it may be replaced while the server runs. */

export interface CertificatePair {
  /** PEM: the server's own certificate, then those between it and its authority. */
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  readonly pair: CertificatePair;
  /** Called with each new pair, which has been checked. */
  onChange(listener: (pair: CertificatePair) => void): void;
}
