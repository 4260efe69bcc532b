/** What the swarm cannot do now. */
import type { ErrorKind } from "./kind.ts";

export const SWARM_ERRORS = {
  // The swarm cannot do it now.
  "no-space": {
    status: 507,
    message: "No server has room for this file.",
    hint: "Add a server, or give one more quota (--quota); nothing was stored.",
  },
  "not-enough-servers": {
    status: 503,
    message: "{reached} of the {wanted} servers that must store a file can do so, since {reason}, and --strict is on.",
    hint: "See which are up and have room (fsdfs servers). Start more, give them more quota (fsdfs quota), or start without --strict.",
  },
  "no-copy-reachable": {
    status: 503,
    message: "No server that holds {path} can be reached now.",
    hint: "Start one of its servers: fsdfs locate. What it replaced may be in the trash: fsdfs trash ls",
  },
  "owner-unavailable": {
    status: 503,
    message: "Conditions on this path are decided by {server}, and {reason}; nothing was changed.",
    hint: "Try again in a moment. If it stays so, start the servers that are missing: fsdfs servers",
  },
  "verify-running": {
    status: 409,
    message: "A verify is under way already.",
    hint: "Wait until it has ended, or end it where it was begun (Ctrl-C).",
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
} as const satisfies Record<string, ErrorKind>;
