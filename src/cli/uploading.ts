/** One file of this machine on its way into the swarm. */
import type { Client } from "../client/client.ts";
import type { PutSource } from "../client/content.ts";
import type { Bytes } from "../core/catalog/kv.ts";
import type { Location, PutResult } from "../server/face.ts";
import type { Bulk } from "./bulk.ts";
import { readFile, sha256Of } from "./local-files.ts";

/** Up to here a file is read twice, out of the page cache, so that the server can check what arrives. */
const HASH_AHEAD_BYTES_MAX = 64 * 1024 * 1024;

export interface Upload {
  readonly local: string;
  readonly remote: string;
  readonly sizeBytes: number;
}

/** undefined when the swarm has just this content there already, and not merely the word of it. */
export async function uploadFile(
  client: Client,
  upload: Upload,
  location: Location | null,
  bulk: Bulk,
): Promise<PutResult | undefined> {
  const { local, remote, sizeBytes } = upload;
  const sameSize = location?.size === sizeBytes;
  const sha256 = sameSize || sizeBytes <= HASH_AHEAD_BYTES_MAX ? await sha256Of(local, sizeBytes) : undefined;
  if (sameSize && sha256 === location.sha256 && location.copies > 0) {
    bulk.filePresent(sizeBytes, local);
    return undefined;
  }
  const source = counted({ sizeBytes, open: () => readFile(local, sizeBytes) }, local, bulk);
  const result = await client.put(remote, source, sha256 === undefined ? {} : { sha256 });
  bulk.fileDone(local);
  return result;
}

/** Standard input, which can be sent once only. */
export async function uploadInput(client: Client, remote: string, bulk: Bulk): Promise<PutResult> {
  const source = counted({ sizeBytes: undefined, open: () => process.stdin, once: true }, "-", bulk);
  const result = await client.put(remote, source);
  bulk.fileDone("-");
  return result;
}

/** A further attempt begins anew, and so does its share of the progress. */
function counted(source: PutSource, name: string, bulk: Bulk): PutSource {
  let sentBytes = 0;
  async function* count(chunks: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    for await (const chunk of chunks) {
      sentBytes += chunk.length;
      bulk.bytesDone(chunk.length, name);
      yield chunk;
    }
  }
  return {
    ...source,
    open: () => {
      bulk.bytesDone(-sentBytes, name);
      sentBytes = 0;
      return count(source.open());
    },
  };
}
