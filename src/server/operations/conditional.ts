/**
 * Carrying a write with a condition to the owner of its path (C14). Before bytes are asked for it is looked whether the
 * condition holds, so that a refused upload is not sent; what counts is the look in the change (decisions.ts).
 */
import { readEntry } from "../../core/catalog/entries.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { type FilePath, parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { PutOptions, PutResult } from "../face.ts";
import { forwardPut } from "../forward.ts";
import type { Link } from "../mesh/link.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Parts } from "../parts.ts";
import { requestDigest } from "./decisions.ts";
import { checkFileMayBeAt } from "./names.ts";
import { put, toldAgain } from "./put.ts";

const CHECK_TIMEOUT_MS = 10_000;

/** Runs `here` when this server owns the path, else `there`. `forwards` is false for what was forwarded already. */
export async function atOwner<T>(
  parts: Parts,
  path: FilePath,
  forwards: boolean,
  here: () => Promise<T>,
  there: (link: Link) => Promise<T>,
): Promise<T> {
  const { decisions, catalog, mesh, readiness, seat, ending } = parts;
  if (ending.aborted) throw new FsdfsError("stopping");
  const owner = decisions.ownerOf(path);
  if (owner !== catalog.self) {
    if (!forwards) throw decisions.disagreement(path);
    const link = mesh.isUp(owner) ? mesh.link(owner) : undefined;
    if (link === undefined) throw decisions.unavailable(path, "it cannot be reached");
    return await there(link);
  }
  if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
  await seat.attempt(); // It may have become possible a moment ago.
  try {
    return await here();
  } catch (error) {
    // What the condition failed for must not be lost by a power cut once that was told.
    if (error instanceof FsdfsError && error.code === "precondition-failed") await catalog.flushed();
    throw error;
  }
}

export async function conditionalPut(
  parts: Parts,
  path: FilePath,
  body: AsyncIterable<Bytes>,
  options: PutOptions,
  forwards: boolean,
): Promise<PutResult> {
  const here = async () => (await before(parts, path, options)) ?? (await put(parts, path, body, options));
  return await atOwner(parts, path, forwards, here, async (link) => {
    const message = encodeJson({ path, options } satisfies Check);
    const { answer } = decodeJson<{ answer?: PutResult }>(await link.call("conditions", message, CHECK_TIMEOUT_MS));
    return answer ?? (await forwardPut(link, path, body, options, parts.ports.clock.wall()));
  });
}

interface Check {
  readonly path: string;
  readonly options: PutOptions;
}

/** Answers other servers whether the condition of an upload holds now. */
export function serveConditions(parts: Parts): void {
  parts.mesh.handle("conditions", async ({ message }) => {
    const { path: text, options } = decodeJson<Check>(message);
    const path = parsePath(text);
    const there = async () => undefined;
    return {
      head: encodeJson({ answer: await atOwner(parts, path, false, () => before(parts, path, options), there) }),
    };
  });
}

/** Before bytes are taken: answers what an earlier request with the same id has led to, if there was one. */
async function before(parts: Parts, path: FilePath, options: PutOptions): Promise<PutResult | undefined> {
  const { catalog, decisions, uploadRoom } = parts;
  const request = options.requestId === undefined ? undefined : requestDigest(options.requestId);
  const view = catalog.read();
  checkFileMayBeAt(view, path);
  const present = readEntry(view, path);
  if (request !== undefined && present?.type === "file" && present.content.request === request) return undefined;
  const decided = decisions.decidedPut(path, request);
  if (decided !== undefined) return await toldAgain(parts, decided);
  decisions.decide(view, path, present, options.conditions ?? {});
  const sizeBytes = options.sizeBytes ?? 1;
  if (!uploadRoom.couldTake(sizeBytes) && uploadRoom.isThereElsewhere(sizeBytes))
    throw decisions.unavailable(path, "its disk has no room for the file");
  return undefined;
}
