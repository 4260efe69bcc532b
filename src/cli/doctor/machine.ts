/** The machine and the installation: Node.js, what is installed, how many files may be open. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { softwareVersion } from "../../starting/version.ts";
import { type Check, type Found, fail, ok, warn } from "./check.ts";

const NODE_MAJOR_MIN = 24;
/** 10,000 connections at most (docs/LIMITS.md), and files and servers beside them. */
const OPEN_FILES_WANTED = 12_000;
const OPEN_FILES_MIN = 1_024;

const node: Check = {
  name: "node",
  run: async () => [judgeNode(process.versions.node)],
};

export function judgeNode(version: string): Found {
  return Number.parseInt(version, 10) >= NODE_MAJOR_MIN
    ? ok(`Node.js ${version}`)
    : fail(`Node.js ${version} is too old; fsdfs needs ${NODE_MAJOR_MIN}.`, "Start fsdfs by ./fsdfs, which brings it.");
}

const installation: Check = {
  name: "installation",
  run: async () => {
    const place = resolve(dirname(import.meta.filename), "../../..");
    try {
      // The one part that is not JavaScript: it is built, or fetched, for one kind of machine.
      await import("lmdb");
      return [ok(`fsdfs ${softwareVersion()} in ${place}`)];
    } catch (error) {
      const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
      return [fail(`fsdfs in ${place} is not whole: ${reason}`, `Install it anew: (cd ${place} && npm ci)`)];
    }
  },
};

const openFiles: Check = {
  name: "open files",
  run: async ({ server }) => {
    const limits = await readFile(`/proc/${server?.pid ?? "self"}/limits`, "utf8").catch(() => "");
    const limit = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
    return limit === undefined
      ? []
      : [judgeOpenFiles(limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit))];
  },
};

export function judgeOpenFiles(limit: number): Found {
  const hint = "Raise it: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536 before the start.";
  const told = Number.isFinite(limit) ? limit.toLocaleString("en-US") : "Any number of";
  if (limit >= OPEN_FILES_WANTED) return ok(`${told} files may be open at once`);
  const message = `Only ${told} files may be open at once, connections included.`;
  return limit < OPEN_FILES_MIN ? fail(message, hint) : warn(message, hint);
}

export const MACHINE_CHECKS: readonly Check[] = [node, installation, openFiles];
