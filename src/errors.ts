/**
 * The catalogue of errors: every failure that a user can meet, with its HTTP status, what happened and what to do about it.
 * `docs/ERRORS.md` is checked against it. Messages may name the user's own paths and numbers, no place on a disk, no secret.
 */

interface ErrorKind {
  readonly status: number;
  /** What happened; `{name}` is replaced by the parameter of that name. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

export const ERRORS = {
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

  // What is there, and what is not.
  "file-not-found": {
    status: 404,
    message: "There is no file or directory {path}.",
    hint: "List what is there: fsdfs ls, or GET /files/ with a path that ends in '/'.",
  },
  "is-a-directory": {
    status: 409,
    message: "{path} is a directory.",
    hint: "Choose another name, or end the path with '/' to speak of the directory.",
  },
  "not-a-directory": {
    status: 409,
    message: "{path} is a file, so nothing can be inside it.",
    hint: "Choose another path, or move that file away first.",
  },
  "directory-not-empty": {
    status: 409,
    message: "The directory {path} is not empty.",
    hint: "Delete what is in it first: fsdfs rm -r",
  },
  "already-exists": {
    status: 409,
    message: "There is something at {path} already.",
    hint: "Choose another path, or delete what is there first.",
  },
  "server-removed": {
    status: 503,
    message: "{server} was removed from its swarm for good.",
    hint: "Ask another server. What lies in its data directory stays there; to let it join as a new server: fsdfs start --new",
  },
  "remove-refused": {
    status: 409,
    message: "{server} is not removed: {reason}.",
    hint: "Empty it first: fsdfs drain. If it is gone for good, and what only it has with it: fsdfs remove --accept-loss",
  },
  "server-ambiguous": {
    status: 409,
    message: "Several servers have the name {server}.",
    hint: "Say which by its id: fsdfs servers",
  },
  "server-not-found": {
    status: 404,
    message: "No server {server} belongs to this swarm.",
    hint: "List them: fsdfs servers",
  },
  "server-unmet": {
    status: 503,
    message: "These two servers have not greeted each other yet.",
    hint: "They do so by themselves, within seconds.",
  },
  "key-not-found": {
    status: 404,
    message: "There is no key {key}.",
    hint: "List them: fsdfs key list",
  },
  "copy-not-here": {
    status: 404,
    message: "This server does not hold a copy of {path}.",
    hint: "Ask which servers do: fsdfs locate",
  },
  "drop-refused": {
    status: 409,
    message: "The copy of {path} stays: {reason}.",
    hint: "A copy is given up only when enough other servers promise theirs. Look at them: fsdfs locate",
  },
  "adopt-refused": {
    status: 409,
    message: "{directory} is not adopted: {reason}.",
    hint: "What lies in the data directory is adopted by whoever has an admin key, any other directory by the server's user on its machine.",
  },
  "adopt-running": {
    status: 409,
    message: "This server is adopting files already.",
    hint: "Wait until that has ended; what it has adopted is passed over then.",
  },
  "adopt-conflict": {
    status: 409,
    message: "The swarm has another content at {path}.",
    hint: "Move one of the two away, or make the files of the directory the newer versions: --overwrite",
  },
  "adopt-no-room": {
    status: 507,
    message: "The quota has no room for {path}, which has {size} bytes.",
    hint: "Start the server with more --quota, then adopt again: it goes on where it was.",
  },
  "file-changed": {
    status: 409,
    message: "{path} changed while it was adopted.",
    hint: "Adopt again when nobody writes to it.",
  },
  "not-adoptable": {
    status: 409,
    message: "{path} cannot be adopted: {reason}.",
    hint: "It was left as it is. Mend that and adopt again, or put it: fsdfs put",
  },
  "no-regular-file": {
    status: 409,
    message: "{path} is no regular file, but a link, a device, a socket or a pipe.",
    hint: "It was left as it is. Links are not followed: adopt the directory that they lead to.",
  },
  "precondition-failed": {
    status: 412,
    message: "What is at that path is not what the request's condition asks for.",
    hint: "Read it again, then decide anew, with its new ETag.",
  },

  // The swarm cannot do it now.
  "no-space": {
    status: 507,
    message: "No server has room for this file.",
    hint: "Add a server, or give one more quota (--quota); nothing was stored.",
  },
  "not-enough-servers": {
    status: 503,
    message: "{reached} of the {wanted} servers that must store a file can be reached, and --strict is on.",
    hint: "Bring more servers up (fsdfs servers), or start without --strict.",
  },
  "no-copy-reachable": {
    status: 503,
    message: "No server that holds {path} can be reached now.",
    hint: "Start one of its servers: fsdfs locate",
  },
  "owner-unavailable": {
    status: 503,
    message: "Conditions on this path are decided by {server}, and {reason}; nothing was changed.",
    hint: "Try again in a moment. If it stays so, start the servers that are missing: fsdfs servers",
  },
  behind: {
    status: 503,
    message: "This server is still catching up with the swarm, and no other can be reached.",
    hint: "Try again in a moment, or ask another server.",
  },
  "clock-wrong": {
    status: 503,
    message: "This server's clock differs from the other servers' by {seconds} s, so it takes no changes.",
    hint: "Set its clock (timedatectl set-ntp true), or ask another server. Compare them: fsdfs clock",
  },
  "clocks-differ": {
    status: 503,
    message: "The clock of {ahead} is {seconds} s ahead of that of {behind}, so the two do not work together.",
    hint: "See which of them is wrong (fsdfs clock) and set it: timedatectl set-ntp true",
  },
  merging: {
    status: 503,
    message: "This swarm is about to join another, and takes no changes until it has.",
    hint: "Try again in a moment. If it stays so, run fsdfs merge again on one of its servers.",
  },
  "merge-refused": {
    status: 409,
    message: "The swarms are not merged: {reason}.",
    hint: "Start the servers that are missing, and try again: fsdfs servers",
  },
  "clock-repair-refused": {
    status: 409,
    message: "The swarm's clock is not repaired: {reason}.",
    hint: "Start the servers that are missing, and try again. Those that are absent can be done without: --without-absent",
  },
  interrupted: {
    status: 503,
    message: "The server that was to carry this out went away before it answered, so it may or may not be done.",
    hint: "Send the request again, with the same fsdfs-request-id if it is a PUT.",
  },
  "too-many-watchers": {
    status: 503,
    message: "{limit} clients follow this server's events already.",
    hint: "Ask another server of the swarm, or end some of those clients.",
  },
  overloaded: {
    status: 503,
    message: "This server has as much to do as it can bear.",
    hint: "Try again in a moment, or ask another server.",
  },
  stopping: {
    status: 503,
    message: "This server is shutting down.",
    hint: "Ask another server.",
  },
  "disk-failed": {
    status: 500,
    message: "The disk refused to store or to read this.",
    hint: "Look at the server's log and its disk (dmesg); other servers can be asked meanwhile.",
  },
  "catalog-version": {
    status: 503,
    message: "That record was written by a newer fsdfs (record version {version}).",
    hint: "Update this server: git pull, then start it again.",
  },
  internal: {
    status: 500,
    message: "Something in this server went wrong.",
    hint: "Its log says what. Please report it with the log's lines; the server goes on.",
  },

  // What a client meets before any server can answer.
  "server-unreachable": {
    status: 503,
    message: "No fsdfs server answers at {url}: {reason}.",
    hint: "Is it running there? Start it: fsdfs start. Or name another with --server URL.",
  },
  "connection-lost": {
    status: 503,
    message: "The connection to {url} broke: {reason}.",
    hint: "Try again; if it stays so, look at the swarm: fsdfs status",
  },

  // Starting.
  "option-invalid": {
    status: 400,
    message: "{option} is not valid: {reason}.",
    hint: "See: fsdfs start --help",
  },
  "data-in-use": {
    status: 409,
    message: "Another fsdfs is running on this data directory.",
    hint: "Stop it first, or choose another directory with --data.",
  },
  "data-not-writable": {
    status: 500,
    message: "The data directory cannot be written: {reason}.",
    hint: "Check its owner and mode, and that its file system is not mounted read-only.",
  },
  "catalog-unreadable": {
    status: 500,
    message: "The catalog cannot be opened: {reason}.",
    hint: "Is its disk full or read-only? A damaged catalog can be moved away: its server then joins as a new one, and the files in its data directory count again.",
  },
  "data-lost-identity": {
    status: 409,
    message: "The data directory belonged to a server before, and now has no trace of it.",
    hint: "Is its disk mounted? If it was emptied on purpose, start with --new.",
  },
  "data-foreign": {
    status: 409,
    message: "The data directory and the state directory belong to two different servers.",
    hint: "Check --data and --state; --new starts a new server on this data directory.",
  },
  "port-in-use": {
    status: 409,
    message: "Port {port} is taken by another program.",
    hint: "Choose another with --port or --swarm-port, or stop that program.",
  },
  "wrong-password": {
    status: 401,
    message: "The server at {address} has another password.",
    hint: "Start with the swarm's password: it stands in the file .fsdfs/password of each data directory.",
  },
  "swarm-foreign": {
    status: 409,
    message: "The server at {address} belongs to another swarm that has files as well.",
    hint: "Two swarms with files are not joined by themselves. To make them one: fsdfs merge HOST. Or start with an empty --data.",
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export type ErrorParams = Readonly<Record<string, string | number>>;

/** A failure that a user can meet. Gateways render it; everything else that is thrown is a bug, told as `internal`. */
export class FsdfsError extends Error {
  readonly code: ErrorCode;
  readonly params: ErrorParams;

  constructor(code: ErrorCode, params: ErrorParams = {}, options?: ErrorOptions) {
    super(fill(ERRORS[code].message, params), options);
    this.name = "FsdfsError";
    this.code = code;
    this.params = params;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get hint(): string {
    return fill(ERRORS[this.code].hint, this.params);
  }
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

function fill(text: string, params: ErrorParams): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}
