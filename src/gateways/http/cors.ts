/**
 * Letting web pages of other origins read what is answered (the Fetch standard, 3.3). A page shows a key like any other
 * client, in a header that it has to know; nothing here is let in by cookies or by where a browser stands, so that an
 * origin that is allowed gains no right that the page's key does not give.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

/** What pages may read of an answer besides its body. */
const EXPOSED = [
  ...["ETag", "Content-Range", "Accept-Ranges", "Last-Modified", "Content-Length", "Location", "Retry-After"],
  ...["fsdfs-version", "fsdfs-copies", "fsdfs-sha256"],
].join(", ");
/** What pages may send. */
const ALLOWED_HEADERS = [
  ...["Authorization", "Content-Type", "Range", "If-Range", "Last-Event-ID", "Cache-Control"],
  ...["If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"],
  ...["fsdfs-sha256", "fsdfs-request-id"],
].join(", ");
const ALLOWED_METHODS = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS";
/** So long browsers remember the answer to a preflight; two hours is the most that any does. */
const REMEMBERED_S = 7_200;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** The handler itself when no origin is allowed, so that it costs nothing then. */
export function withCors(origins: readonly string[] | undefined, handler: Handler): Handler {
  if (origins === undefined || origins.length === 0) return handler;
  const cors = corsFor(origins);
  return (request, response) => {
    if (cors(request, response) === "goes on") handler(request, response);
  };
}

type Cors = (request: IncomingMessage, response: ServerResponse) => "answered" | "goes on";

/**
 * A browser that was redirected from one server to another no longer says for which page it asks ("null"). Who has a signed
 * link was given it by a server that knew, and it opens one version of one file: so links may be read by every page.
 */
const SIGNED_LINK = /^\/files\/[^?]*[^?/]\?(?:[^#]*&)?mac=/;
/** What a link lets do. Whatever else can be asked for at its address, a directory's list above all, it does not open. */
const LINK_METHODS: readonly (string | undefined)[] = ["GET", "HEAD"];

/** @param origins as in "https://player.example.org"; "*" is any */
function corsFor(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  return (request, response) => {
    const { origin, "access-control-request-method": wanted } = request.headers;
    const isPreflight = request.method === "OPTIONS" && wanted !== undefined;
    // What is answered differs by it, for caches between.
    if (!allowed.has("*")) response.setHeader("vary", "Origin");
    const isLink = LINK_METHODS.includes(isPreflight ? wanted : request.method) && SIGNED_LINK.test(request.url ?? "");
    const isAny = allowed.has("*") || isLink;
    if (origin === undefined || !(isAny || allowed.has(origin))) return "goes on";
    response.setHeader("access-control-allow-origin", isAny ? "*" : origin);
    response.setHeader("access-control-expose-headers", EXPOSED);
    if (!isPreflight) return "goes on";
    response.writeHead(204, {
      "access-control-allow-methods": ALLOWED_METHODS,
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-max-age": String(REMEMBERED_S),
    });
    response.end();
    return "answered";
  };
}
