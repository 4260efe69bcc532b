/**
 * Carrying out an operation on another server: for one that is behind (C10) or not fresh (M2), or that has no room. What
 * was forwarded once is carried out or refused, never forwarded again.
 */
import type { Bytes } from "../core/catalog/kv.ts";
import { FsdfsError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { OutgoingResponse } from "../ports/network.ts";
import type { EntryInfo, Face, OpenedFile, PutResult } from "./face.ts";
import type { Link } from "./mesh/link.ts";
import type { Mesh, ServerRequest } from "./mesh/mesh.ts";
import { decodeJson, encodeJson } from "./mesh/messages.ts";
import { releasing } from "./storage/streams.ts";

const FORWARD_TIMEOUT_MS = 60_000;
/** One that reads a whole file before it answers, moves a large directory, or stores an upload. */
const FORWARD_LONG_TIMEOUT_MS = 60 * 60 * 1000;

/** Operations whose arguments and answer are plain values. */
export type PlainOperation =
  | "makeDirectory"
  | "head"
  | "remove"
  | "move"
  | "heat"
  | "setVariables"
  | "setManyVariables"
  | "list"
  | "locate"
  | "status"
  | "servers"
  | "serverFiles"
  | "configureServer"
  | "configureSwarm"
  | "listTrash"
  | "restore"
  | "createKey"
  | "listKeys"
  | "revokeKey";

const PLAIN: ReadonlySet<string> = new Set<PlainOperation>([
  "makeDirectory",
  "head",
  "remove",
  "move",
  "heat",
  "setVariables",
  "setManyVariables",
  "list",
  "locate",
  "status",
  "servers",
  "serverFiles",
  "configureServer",
  "configureSwarm",
  "listTrash",
  "restore",
  "createKey",
  "listKeys",
  "revokeKey",
]);

const LONG: readonly PlainOperation[] = ["move", "restore"];

/** What was under way for longer is not carried out: who asked may have asked another server meanwhile. */
const FORWARD_AGE_MAX_MS = 5000;

interface ForwardedCall {
  readonly operation: string;
  readonly args: readonly unknown[];
  /** By the sender's clock. */
  readonly sentAtMs: number;
}

/** What a link that is not behind says it could do, the best first. */
export function forwardTargets(mesh: Mesh): Link[] {
  return mesh
    .upLinks()
    .filter(({ report }) => !report.behind)
    .sort((a, b) => a.report.load - b.report.load);
}

export async function forwardPlain(
  link: Link,
  operation: PlainOperation,
  args: readonly unknown[],
  sentAtMs: number,
): Promise<unknown> {
  const call: ForwardedCall = { operation, args, sentAtMs };
  const timeoutMs = LONG.includes(operation) ? FORWARD_LONG_TIMEOUT_MS : FORWARD_TIMEOUT_MS;
  const answer = await link.call("forward", encodeJson(call), timeoutMs);
  return decodeJson<{ answer?: unknown }>(answer).answer;
}

export async function forwardPut(
  link: Link,
  path: string,
  body: AsyncIterable<Bytes>,
  options: unknown,
  sentAtMs: number,
): Promise<PutResult> {
  const call: ForwardedCall = { operation: "put", args: [path, options], sentAtMs };
  const response = await link.bulk("forward", encodeJson(call), { body, timeoutMs: FORWARD_LONG_TIMEOUT_MS });
  return decodeJson<{ answer: PutResult }>(response.head).answer;
}

/** Opens through another server: its answer is streamed on, or its redirect handed on. */
export async function forwardOpen(link: Link, path: string, options: unknown, clock: Clock): Promise<OpenedFile> {
  const info = (await forwardPlain(link, "head", [path], clock.wall())) as EntryInfo;
  const abandoned = new AbortController();
  async function* stream(start: number, end: number): AsyncGenerator<Bytes> {
    const args = [path, options, info.version, start, end];
    const call: ForwardedCall = { operation: "open", args, sentAtMs: clock.wall() };
    const request = { timeoutMs: FORWARD_TIMEOUT_MS, signal: abandoned.signal };
    yield* (await link.bulk("forward", encodeJson(call), request)).body;
  }
  if (info.type === "directory") throw new FsdfsError("is-a-directory", { path });
  return { kind: "content", info, stream, close: async () => abandoned.abort() };
}

/** Answers forwarded operations with `face`, which must not forward again. */
export function serveForwarded(mesh: Mesh, face: Face, clock: Clock): void {
  mesh.handle("forward", async ({ from, message, body }: ServerRequest): Promise<OutgoingResponse> => {
    const { operation, args, sentAtMs } = decodeJson<ForwardedCall>(message);
    // A cut that heals delivers what was sent long before.
    const ageMs = clock.wall() + (mesh.link(from)?.clockSkewMs ?? 0) - sentAtMs;
    if (ageMs > FORWARD_AGE_MAX_MS) throw new FsdfsError("behind");
    if (operation === "put") {
      const [path, options] = args as [string, object];
      return { head: encodeJson({ answer: await face.put(path, body, options) }) };
    }
    if (operation === "open") return await openForwarded(face, args as OpenArguments);
    if (!PLAIN.has(operation)) throw new FsdfsError("method-not-allowed", { method: operation });
    const method = face[operation as PlainOperation] as (...args: unknown[]) => Promise<unknown>;
    return { head: encodeJson({ answer: await method.apply(face, [...args]) }) };
  });
}

type OpenArguments = [path: string, options: object, version: string | null, start: number, end: number];

async function openForwarded(
  face: Face,
  [path, options, version, start, end]: OpenArguments,
): Promise<OutgoingResponse> {
  const opened = await face.open(path, { ...options, redirect: "never" });
  if (opened.kind === "redirect") throw new FsdfsError("internal");
  if (opened.info.version !== version) {
    await opened.close(); // Overwritten since the head was asked for: another version's bytes would be wrong (P4).
    throw new FsdfsError("behind"); // Asked again, it is the new version.
  }
  // Who asked may be gone by now.
  const bytes = releasing(pieces(opened.stream(start, end)), () => opened.close());
  return { head: encodeJson({}), body: bytes };
}

async function* pieces(stream: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  yield* stream;
}
