/** `fsdfs put URL... DEST`: the server fetches what lies at each URL, so that no byte passes through this machine. */
import type { Client } from "../../client/client.ts";
import { FsdfsError } from "../../errors.ts";
import type { PutResult } from "../../server/face.ts";
import type { Bulk } from "../bulk.ts";

export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/** @param path where in the swarm */
export async function putUrl(client: Client, source: string, path: string, bulk: Bulk): Promise<PutResult> {
  const result = await client.putFrom(path, source);
  bulk.bytesDone(result.size, source);
  bulk.fileDone(source);
  return result;
}

/** "http://host/music/a%20song.ogg?x=1" ends in "a song.ogg". @throws FsdfsError `argument-invalid` */
export function nameInUrl(source: string): string {
  const last = URL.parse(source)?.pathname.split("/").at(-1) ?? "";
  try {
    if (last !== "") return decodeURIComponent(last);
  } catch {
    // Not UTF-8: told like one without a name.
  }
  throw new FsdfsError("argument-invalid", { name: source, reason: "it ends in no file's name; give one in DEST" });
}
