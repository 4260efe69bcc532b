/** What a client meets before any server can answer, and what keeps a server from starting. */
import type { ErrorKind } from "./kind.ts";

export const START_ERRORS = {
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
    hint: "See: fsdfs start --help; of startServer: docs/LIBRARY.md",
  },
  "password-unreadable": {
    status: 500,
    message: "{file} gives no password: {reason}.",
    hint: "The password is its first line. If it is another user's, run this as that user; or name another file with --password-file.",
  },
  "node-too-old": {
    status: 500,
    message: "A server needs Node.js 24.19 or newer, and this is {version}.",
    hint: "Install it from https://nodejs.org. Clients do with Node.js 20.",
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
  "data-divided": {
    status: 409,
    message: "{name} lies on another file system than the data directory, so files could not be renamed to there.",
    hint: "Unmount it. Only the catalog may lie elsewhere: fsdfs start --state DIR",
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
    message: "The server at {address} belongs to another swarm, and neither is empty.",
    hint: "Two swarms that have files, directories or keys are not joined by themselves. To make them one: fsdfs merge HOST. Or start with an empty --data.",
  },
} as const satisfies Record<string, ErrorKind>;
