/** What is there and what is not: files, directories, keys, servers. */
import type { ErrorKind } from "./kind.ts";

export const CONTENT_ERRORS = {
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
  "trash-not-found": {
    status: 404,
    message: "{what} is in the trash of no server that is up.",
    hint: "List what is there: fsdfs trash ls",
  },
  "not-restored-over": {
    status: 409,
    message: "There is something at {path} already, and nothing was restored.",
    hint: "Restore it to another path: fsdfs trash restore --to PATH; or over a file that is there: --overwrite.",
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
  "variables-too-many": {
    status: 409,
    message: "{path} would have more than {limit} variables.",
    hint: "Remove some that are not needed: fsdfs set PATH NAME=",
  },
  "variable-names-too-many": {
    status: 409,
    message: "{path} has had {limit} variables of different names.",
    hint: "Use a name again that was removed, or wait a day; names are for what is counted or told of many files.",
  },
  "policy-invalid": {
    status: 400,
    message: "The policy is refused: {reason}",
    hint: "Nothing was changed. Mend it, and try it: fsdfs policy try FILE. What a policy may be: docs/POLICY.md",
  },
  "policy-missing": {
    status: 404,
    message: "There is no policy.",
    hint: "All files have the swarm's N: fsdfs copies. To set a policy: fsdfs policy set FILE",
  },
  "precondition-failed": {
    status: 412,
    message: "What is at that path is not what the request's condition asks for.",
    hint: "Read it again, then decide anew, with its new ETag.",
  },
} as const satisfies Record<string, ErrorKind>;
