/**
 * The commonest requests, answered at once: a file that lies here as recorded, and where a file is, for who shows a key.
 * No route is looked for, and no turn of the event loop taken. Whatever else a request says makes it go the usual way,
 * which answers the same.
 */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Bytes } from "../../core/catalog/kv.ts";
import { decodeUrlPath } from "../../core/paths.ts";
import type { ReadyFace } from "../../server/face.ts";
import { type Answer, JSON_HEADERS } from "./answer.ts";
import { fileHeaders } from "./operations/get-file.ts";

const FILES = "/files/";
const LOCATE = "/locate/";
const BEARER = "Bearer ";
/** A path that a URL says as it is. */
const PLAIN = /^(?!\/)[\w./,;:@!$&'()*+=~-]*[\w.,;:@!$&'()*+=~-]$/;
/** Headers that make a GET something else than a plain one. */
const SPECIAL = [
  ...["range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"],
  ...["content-length", "transfer-encoding", "expect", "upgrade"],
] as const;

export type Ready =
  | { readonly kind: "sent"; readonly bytes: number }
  /** The usual sender has to send it. */
  | { readonly kind: "content"; readonly answer: Answer }
  | undefined;

/** Undefined when the request has to go the usual way; nothing has been done for it then. */
export function answerAtOnce(face: ReadyFace, request: IncomingMessage, response: ServerResponse): Ready {
  const { method, url = "", headers, httpVersion } = request;
  const { authorization } = headers;
  if (method !== "GET" || httpVersion !== "1.1" || headers.host === undefined) return undefined;
  if (authorization === undefined || !authorization.startsWith(BEARER)) return undefined;
  for (const name of SPECIAL) if (headers[name] !== undefined) return undefined;
  const secret = authorization.slice(BEARER.length);
  try {
    if (url.startsWith(FILES)) return file(face, response, plainPath(url, FILES), secret);
    if (url.startsWith(LOCATE)) return location(face, response, plainPath(url, LOCATE), secret);
  } catch {
    // The usual way tells what is wrong, or finds somebody who knows.
  }
  return undefined;
}

function plainPath(url: string, prefix: string): string {
  const path = url.slice(prefix.length);
  if (PLAIN.test(path)) return path;
  const decoded = path.includes("?") ? undefined : decodeUrlPath(path);
  if (decoded === undefined || decoded.directory) throw new RangeError("no plain address of a file");
  return decoded.path;
}

function file(face: ReadyFace, response: ServerResponse, path: string, secret: string): Ready {
  const opened = face.openNow(path, secret);
  const { info } = opened;
  if (opened.kind === "whole") {
    opened.kept.headers ??= [...Object.entries(fileHeaders(info)).flat(), "content-length", info.size];
    send(response, opened.kept.headers as OutgoingHttpHeaders, opened.whole);
    return { kind: "sent", bytes: opened.whole.length };
  }
  const chunks = () => opened.stream(0, info.size);
  const headers = fileHeaders(info);
  return {
    kind: "content",
    answer: { kind: "content", status: 200, headers, sizeBytes: info.size, chunks, close: () => opened.close() },
  };
}

function location(face: ReadyFace, response: ServerResponse, path: string, secret: string): Ready {
  const text = Buffer.from(`${face.locateNow(path, secret)}\n`);
  send(response, { ...JSON_HEADERS, "content-length": text.length }, text);
  return { kind: "sent", bytes: 0 };
}

function send(response: ServerResponse, headers: OutgoingHttpHeaders, body: Bytes): void {
  response.writeHead(200, headers);
  response.end(body);
}
