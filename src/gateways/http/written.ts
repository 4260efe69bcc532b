/** Writing at the pace of who reads. */
import type { ServerResponse } from "node:http";
import type { Bytes } from "../../core/catalog/kv.ts";

/** Resolves when the system has taken `chunk`, so that its memory is free again; false when the client has gone. */
export function written(response: ServerResponse, chunk: Bytes): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once("close", gone);
    response.write(chunk, (error) => {
      response.off("close", gone);
      resolve(error == null);
    });
  });
}
