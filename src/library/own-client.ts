/** The client of a server in this program. */
import { readFileSync, statSync } from "node:fs";
import { type Client, clientOn } from "../client/client.ts";
import { authorization } from "../client/credentials.ts";
import { requestKeyFromPassword } from "../client/request-key.ts";
import type { Transport } from "../client/transport.ts";
import { createNodeTransport, nodePlatform } from "../client/transport-node.ts";

export interface OwnServer {
  readonly url: string;
  readonly password: string;
  readonly localSecret: string;
  /** Its certificate, in PEM, when it speaks HTTPS. */
  readonly certificateFile: string | undefined;
}

/** May do everything, as who knows the password may. */
export async function ownClient({ url, password, localSecret, certificateFile }: OwnServer): Promise<Client> {
  const requestKey = await requestKeyFromPassword(password);
  const platform = nodePlatform();
  return clientOn(certificateFile === undefined ? platform : { ...platform, transport: trusting(certificateFile) }, {
    url,
    localSecret,
    authorize: (method, target) => authorization({ kind: "signing", requestKey }, method, target, Date.now()),
  });
}

/** Takes the certificate that is in the file now, whatever name it bears: it is the server's own. */
function trusting(certificateFile: string): Transport {
  let current: { readonly mark: number; readonly transport: Transport } | undefined;
  const transport = () => {
    const { mtimeMs: mark } = statSync(certificateFile);
    if (current?.mark === mark) return current.transport;
    current?.transport.close();
    const made = createNodeTransport({ own: readFileSync(certificateFile, "utf8") });
    current = { mark, transport: made };
    return made;
  };
  return {
    send: async (outgoing) => await transport().send(outgoing),
    close: () => current?.transport.close(),
  };
}
