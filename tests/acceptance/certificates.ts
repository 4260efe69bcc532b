/** Certificates for tests, made by openssl when they are wanted. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

export interface Files {
  readonly cert: string;
  readonly key: string;
}

/** Signed by itself, for these names. */
export async function makeCertificate(directory: string, name: string, altNames = "DNS:localhost"): Promise<Files> {
  const [cert, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=${altNames}`, "-keyout", key, "-out", cert],
  ]);
  return { cert, key };
}
