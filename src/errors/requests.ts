/** What is wrong with a request, and who sends it. */
import type { ErrorKind } from "./kind.ts";

export const REQUEST_ERRORS = {
  // The request is not a sound one.
  "path-invalid": {
    status: 400,
    message: "That is no valid path: {reason}.",
    hint: "A path is UTF-8, at most 1,800 bytes, its segments 1 to 255 bytes, none of them '.' or '..', without NUL.",
  },
  "argument-invalid": {
    status: 400,
    message: "{name} is not valid: {reason}.",
    hint: "See docs/API.md for what this request takes.",
  },
  "variable-invalid": {
    status: 400,
    message: "The variable {name} is not valid: {reason}.",
    hint: 'A value is a number, true, false, or a text of at most 256 bytes; in text, NAME=9 is a number and NAME="9" is not.',
  },
  "line-invalid": {
    status: 400,
    message: "That is no line of variables: {reason}.",
    hint: "A line is a path, a tab, and NAME=VALUE. A path with tabs or line feeds is written as JSON, in double quotes.",
  },
  "lines-too-many": {
    status: 413,
    message: "There are more than {limit} lines; those were carried out.",
    hint: "Send the rest in another request.",
  },
  "body-incomplete": {
    status: 400,
    message: "The body ended after {received} bytes, before it was complete.",
    hint: "Send the request again; nothing was stored.",
  },
  "digest-mismatch": {
    status: 400,
    message: "The bytes that arrived have the SHA-256 {actual}, not the one that was announced.",
    hint: "The file changed while it was sent, or the connection damaged it. Send it again; nothing was stored.",
  },
  "body-too-large": {
    status: 413,
    message: "The body is larger than the {limit} bytes that this request may have.",
    hint: "Split the request.",
  },
  "headers-too-large": {
    status: 431,
    message: "The request's headers are too large.",
    hint: "Send fewer or shorter headers.",
  },
  "request-malformed": {
    status: 400,
    message: "That is not a well-formed HTTP request.",
    hint: "Check the client that sent it.",
  },
  "method-not-allowed": {
    status: 405,
    message: "{method} is not possible here.",
    hint: "See docs/API.md for the methods of each address.",
  },
  "route-unknown": {
    status: 404,
    message: "There is nothing at that address.",
    hint: "See docs/API.md for the addresses that exist; files are below /files/.",
  },
  "range-unsatisfiable": {
    status: 416,
    message: "The range lies beyond the end of the file, which has {size} bytes.",
    hint: "Ask for a range within the file.",
  },
  "request-timeout": {
    status: 408,
    message: "The request did not arrive in time.",
    hint: "Send it again over a better connection.",
  },

  // A file is to be fetched from a URL.
  "fetch-refused": {
    status: 403,
    message: "{url} lies on this server's machine or in its networks, and is not fetched.",
    hint: "Put the file from a machine that can read it, or start the server with --fetch-private.",
  },
  "fetch-failed": {
    status: 502,
    message: "{url} could not be fetched: {reason}.",
    hint: "Check the URL, from the server's machine (curl -I); nothing was stored.",
  },
  "fetch-timeout": {
    status: 504,
    message: "{url} could not be fetched: nothing came from there for {seconds} s.",
    hint: "Try again later, or fetch it yourself and put it; nothing was stored.",
  },

  // Who asks.
  unauthorized: {
    status: 401,
    message: "This needs a key.",
    hint: "Send 'Authorization: Bearer KEY'. Make a key on any server's machine: fsdfs key create --scope read|write|admin",
  },
  "key-unknown": {
    status: 401,
    message: "That key is not valid: it was mistyped or revoked.",
    hint: "Make a new key on any server's machine: fsdfs key create",
  },
  "signature-invalid": {
    status: 401,
    message: "The signature does not fit this request, or has expired.",
    hint: "Check the password, and that this machine's clock is right.",
  },
  forbidden: {
    status: 403,
    message: "That key may only {has}, and this needs {needs}.",
    hint: "Use a key with the scope {needs}: fsdfs key create --scope {needs}",
  },
  "link-expired": {
    status: 403,
    message: "This link has expired, or was made for something else.",
    hint: "Ask any server for the file again; it makes a new link.",
  },
} as const satisfies Record<string, ErrorKind>;
