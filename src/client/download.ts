/** A file's content as it arrives, checked to the last byte: its length always, its SHA-256 when it comes whole. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Bytes } from "../core/catalog/kv.ts";
import { isVersionId } from "../core/ids.ts";
import { FsdfsError } from "../errors.ts";
import type { EntryInfo } from "../server/face.ts";
import { connectionError } from "./transport.ts";

export interface Download {
  readonly info: EntryInfo;
  /** How many bytes `body` has. */
  readonly sizeBytes: number;
  /** Use it up or leave the loop. @throws FsdfsError `connection-lost`, `digest-mismatch` */
  readonly body: AsyncIterable<Bytes>;
}

/** @param expectedSha256 the whole file's; undefined: what the server says */
export function download(path: string, url: URL, answer: IncomingMessage, expectedSha256?: string): Download {
  const info = infoFromHeaders(path, answer.headers);
  const whole = answer.statusCode === 200;
  const sizeBytes = Number(answer.headers["content-length"] ?? Number.NaN);
  const sha256 = whole ? (expectedSha256 ?? info.sha256) : null;
  return { info, sizeBytes, body: checkedBody(url, answer, sizeBytes, sha256) };
}

async function* checkedBody(
  url: URL,
  answer: IncomingMessage,
  sizeBytes: number,
  sha256: string | null,
): AsyncGenerator<Bytes> {
  const hash = createHash("sha256");
  let received = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array<ArrayBuffer>>) {
      received += chunk.length;
      if (sha256 !== null) hash.update(chunk);
      yield chunk;
    }
  } catch (error) {
    throw connectionError(url, error);
  } finally {
    answer.destroy();
  }
  if (!answer.complete || (Number.isFinite(sizeBytes) && received !== sizeBytes)) {
    throw connectionError(url, new Error(`it ended after ${received} of ${sizeBytes} bytes`));
  }
  const actual = sha256 === null ? null : hash.digest("hex");
  if (actual !== null && actual !== sha256) throw new FsdfsError("digest-mismatch", { actual });
}

/** What the headers of a file's answer say; what they do not say is null. */
export function infoFromHeaders(path: string, headers: IncomingHttpHeaders): EntryInfo {
  const text = (name: string) => (typeof headers[name] === "string" && headers[name] !== "" ? headers[name] : null);
  const modified = text("last-modified");
  const version = text("fsdfs-version");
  const copies = text("fsdfs-copies");
  const total = /\/(\d+)$/.exec(text("content-range") ?? "")?.[1] ?? text("content-length");
  return {
    path,
    type: "file",
    size: Number(total ?? 0),
    modified: modified === null ? null : new Date(modified).toISOString(),
    sha256: text("fsdfs-sha256"),
    version: version !== null && isVersionId(version) ? version : null,
    target: null,
    copies: copies === null ? null : Number(copies),
  };
}
