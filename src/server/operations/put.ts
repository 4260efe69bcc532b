/**
 * PUT (S1): bytes to W servers at once, durable on each before any catalog speaks of them; then the catalog here, which
 * decides the version's time; then the other targets; and the acknowledgement when all who may answer readers know.
 *
 * W1. No record of a version exists before its bytes are durable on this server.
 * W2. The number of copies that is told is of servers whose file, directory and catalog record are durable.
 */
import type { Bytes } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import { readVersionRow } from "../../core/catalog/transaction.ts";
import type { CatalogRecord, FileContent } from "../../core/catalog/types.ts";
import type { ServerId, VersionId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { NEUTRAL, type Weights } from "../../core/policy/weights.ts";
import { rendezvousWeight } from "../../core/rendezvous.ts";
import { chooseTargets } from "../../core/replication/placement.ts";
import { FsdfsError } from "../../errors.ts";
import type { PutOptions, PutResult } from "../face.ts";
import { afterChange } from "../failures.ts";
import type { Link } from "../mesh/link.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import { isUnanswered, whileUp } from "../mesh/while-up.ts";
import type { Parts } from "../parts.ts";
import { type StagedFile, StagedWriter } from "../storage/staging.ts";
import { readCopyRange } from "../storage/streams.ts";
import { type CommitAnswer, encodeCommit } from "../storage/uploads.ts";
import { type DecidedPut, requestDigest } from "./decisions.ts";
import { type Entered, nameAndEnter, type Wish } from "./enter-version.ts";
import { checkFileMayBeAt } from "./names.ts";
import {
  beginUpload,
  COMMIT_TIMEOUT_MS,
  discard,
  type RemoteUpload,
  stageAt,
  type WholeUpload,
  watched,
} from "./targets.ts";

/** Extra rounds to find a server in the place of one that failed. */
const REPLACEMENT_ROUNDS = 3;
/** After so long no round begins: others are asked to copy the version when it is made. */
const REPLACEMENT_MS = 4000;

/** @param elsewhere stores an upload whose room here another took amid its body, and ends what is begun of it here */
export async function put(
  parts: Parts,
  path: FilePath,
  body: AsyncIterable<Bytes>,
  options: PutOptions,
  elsewhere?: (begun: StagedWriter) => Promise<PutResult>,
): Promise<PutResult> {
  parts.readiness.checkClock();
  const stillWanted = parts.readiness.stillWanted();
  checkFileMayBeAt(parts.catalog.read(), path);
  const request = options.requestId === undefined ? undefined : requestDigest(options.requestId);
  const wish: Wish = { path, request, conditions: options.conditions, stillWanted };
  const wanted = wantedCopies(parts);
  const { preferences } = parts;
  const weights = preferences.areAsked ? await preferences.ofUpload(path, options.sizeBytes ?? 0) : NEUTRAL;
  const targets = pickTargets(parts, wanted - 1, options.sizeBytes ?? 0, [], weights);
  if (parts.options.strict && targets.length + 1 < wanted) {
    throw notEnoughServers(parts, targets.length + 1, wanted, "the others have no room for it");
  }
  const uploads = targets.map((link) => beginUpload(parts, link, options.sizeBytes));
  const staged = await receive(parts, body, options, uploads, elsewhere !== undefined);
  if (staged instanceof StagedWriter) {
    await Promise.all(uploads.map(({ answer }) => answer)); // What others have of it takes no room any more.
    return await elsewhere!(staged);
  }
  const stagedAt = parts.ports.clock.monotonic();
  const whole = await wholeUploads(uploads, staged);
  await replaceFailed(parts, whole, staged, wanted, stagedAt, weights);
  if (parts.options.strict && whole.length + 1 < wanted) {
    await Promise.all([parts.staging.discard(staged), ...whole.map(discard)]);
    throw notEnoughServers(parts, whole.length + 1, wanted, "the others have no room for it or failed");
  }
  return await commit(parts, wish, staged, whole, wanted);
}

/** min(W, N, servers of the roster). */
export function wantedCopies({ settings }: Parts): number {
  return Math.max(1, Math.min(settings.writeCopies, settings.copies, settings.roster.size));
}

/** Of --strict. @param otherwise why, when enough of them are up */
function notEnoughServers({ mesh }: Parts, reached: number, wanted: number, otherwise: string): FsdfsError {
  const reason = mesh.upLinks().length + 1 < wanted ? "no more are up" : otherwise;
  return new FsdfsError("not-enough-servers", { reached, wanted, reason });
}

function pickTargets(
  parts: Parts,
  count: number,
  sizeBytes: number,
  taken: readonly ServerId[],
  weights: Weights,
): Link[] {
  const { settings, mesh, ports, catalog, directives, uploadRoom } = parts;
  const zoneOf = (server: ServerId) => settings.roster.get(server)?.zone ?? server;
  const candidates = mesh
    .upLinks()
    .filter(({ server }) => !taken.includes(server))
    .map(({ server, report }) => {
      const { behind, roomBytes } = report;
      // A server that is behind can take bytes as well as any (C10), but it has other things to do, and drops nothing.
      const [load, mayMakeRoom] = behind ? [1, false] : [report.load, uploadRoom.mayMakeRoom(report)];
      const isLast = directives.isDraining(server);
      return { server, zone: zoneOf(server), weight: weights.of(server), load, roomBytes, mayMakeRoom, isLast };
    });
  const zones = [catalog.self, ...taken].map(zoneOf);
  const draw = String(ports.random.fraction());
  const tie = (server: ServerId) => rendezvousWeight(draw, server);
  return chooseTargets(candidates, count, sizeBytes, zones, tie).flatMap((server) => mesh.link(server) ?? []);
}

/**
 * Writes the body to the local staged file and to all targets, at the pace of the slowest. Answers what is begun when the
 * room for the next piece is gone, if it `mayGo` elsewhere.
 */
async function receive(
  parts: Parts,
  body: AsyncIterable<Bytes>,
  options: PutOptions,
  uploads: readonly RemoteUpload[],
  mayGo: boolean,
): Promise<StagedFile | StagedWriter> {
  let writer: StagedWriter | undefined;
  try {
    writer = await parts.staging.begin("upload");
    for await (const chunk of body) {
      if (chunk.length === 0) continue;
      // First here, where the upload stands or falls; else a target may give up the copy that could go for it.
      await writer.claimAhead(chunk.length);
      const sent = uploads.map((upload) => upload.push(chunk));
      await Promise.all([writer.write(chunk), ...sent]);
      if (options.sizeBytes !== undefined && writer.sizeBytes > options.sizeBytes) break;
    }
    if (options.sizeBytes !== undefined && writer.sizeBytes !== options.sizeBytes) {
      throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
    }
    void parts.catalog.times.readyToName().catch(() => undefined); // Beside the syncs; it is waited for later.
    const staged = await writer.finish();
    if (options.sha256 !== undefined && options.sha256.toLowerCase() !== staged.sha256) {
      await parts.staging.discard(staged);
      throw new FsdfsError("digest-mismatch", { actual: staged.sha256 });
    }
    for (const upload of uploads) upload.end();
    return staged;
  } catch (error) {
    for (const upload of uploads) upload.end(new Error("the upload was given up"));
    if (mayGo && writer !== undefined && error instanceof FsdfsError && error.code === "no-space") return writer;
    await writer?.abort();
    throw error;
  }
}

async function wholeUploads(uploads: readonly RemoteUpload[], staged: StagedFile): Promise<WholeUpload[]> {
  const answers = await Promise.all(uploads.map(async ({ link, answer }) => ({ link, answer: await answer })));
  return answers.flatMap(({ link, answer }) => {
    if (answer === undefined || answer.sha256 !== staged.sha256) return [];
    return [{ link, upload: answer.upload }];
  });
}

/** Sends the staged file to other servers in the place of targets that failed. */
async function replaceFailed(
  parts: Parts,
  whole: WholeUpload[],
  staged: StagedFile,
  wanted: number,
  stagedAt: number,
  weights: Weights,
): Promise<void> {
  const { clock } = parts.ports;
  const tried: ServerId[] = whole.map(({ link }) => link.server);
  for (let round = 0; round < REPLACEMENT_ROUNDS && whole.length + 1 < wanted; round++) {
    if (clock.monotonic() - stagedAt > REPLACEMENT_MS && !parts.options.strict) return;
    const links = pickTargets(parts, wanted - 1 - whole.length, staged.sizeBytes, tried, weights);
    if (links.length === 0) return;
    tried.push(...links.map(({ server }) => server));
    const sent = await Promise.all(links.map((link) => sendStaged(parts, link, staged)));
    whole.push(...sent.filter((upload) => upload !== undefined));
  }
}

async function sendStaged(parts: Parts, link: Link, staged: StagedFile): Promise<WholeUpload | undefined> {
  const file = await parts.ports.files.open(staged.name).catch(() => undefined);
  if (file === undefined) return undefined;
  const { sizeBytes, stat } = staged;
  const body = readCopyRange({ file, sizeBytes, modifiedNs: stat.modifiedNs }, 0, sizeBytes);
  const answer = await stageAt(parts, link, body);
  await body.return(undefined);
  return answer?.sha256 === staged.sha256 ? { link, upload: answer.upload } : undefined;
}

async function commit(
  parts: Parts,
  wish: Wish,
  staged: StagedFile,
  uploads: readonly WholeUpload[],
  wanted: number,
): Promise<PutResult> {
  const { catalog, readiness, settler, staging } = parts;
  let entered: Entered;
  try {
    if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
    readiness.checkClock(); // It may have jumped while the bytes came.
    entered = await nameAndEnter(parts, wish, staged);
  } catch (error) {
    await Promise.all([staging.discard(staged), ...uploads.map(discard)]);
    throw error;
  }
  if (entered.kind !== "made") {
    await Promise.all(uploads.map(discard));
    if (entered.kind === "present") {
      const { content } = entered;
      return await afterChange(() => repeated(parts, wish.path, content, staged, wanted));
    }
    await staging.discard(staged);
    return await toldAgain(parts, entered.decided);
  }
  staging.handOver(staged);
  const { record, version, created } = entered;
  return await afterChange(async () => {
    await catalog.flushed();
    const [, isHere, ...answers] = await Promise.all([
      readiness.known(record.number),
      settler.settle(version).then(
        () => isStillHere(parts, version),
        () => false, // Its bytes and record are durable; it is settled when the disk lets it.
      ),
      ...uploads.map((upload) => commitAt(parts, upload, record)),
    ]);
    const held = uploads.filter((_, i) => answers[i]).map(({ link }) => link.server);
    const copies = await completeCopies(parts, version, isHere ? [catalog.self, ...held] : held, wanted);
    checkEnough(parts, copies, wanted);
    return { version, sha256: staged.sha256, size: staged.sizeBytes, copies, created };
  });
}

/** Not when its bytes were taken away before they came to their place. One that was superseded has had them. */
function isStillHere({ copies, catalog }: Parts, version: VersionId): boolean {
  return copies.has(version) || readVersionRow(catalog.read(), version).paths.length === 0;
}

/** Of a version that is made already, and may last. @throws FsdfsError `interrupted` */
export function checkEnough({ options }: Parts, copies: number, wanted: number): void {
  if (copies < (options.strict ? wanted : 1)) throw new FsdfsError("interrupted");
}

async function commitAt(parts: Parts, { link, upload }: WholeUpload, record: CatalogRecord): Promise<boolean> {
  try {
    const call = () => link.bundled("commit", encodeCommit(upload, record));
    const answer = await whileUp(watched(parts), link, call, isUnanswered(parts.ports.clock));
    return decodeJson<CommitAnswer>(answer).held;
  } catch {
    return false;
  }
}

/**
 * A target failed at the very end: others are asked to copy the version now, while there are any. Those that are copying it
 * by themselves answer when they have done so; what they state to hold may still lie under its staged name (W2).
 *
 * @param first who is asked before all others
 */
export async function completeCopies(
  parts: Parts,
  version: VersionId,
  known: readonly ServerId[],
  wanted: number,
  first: readonly ServerId[] = [],
): Promise<number> {
  const asked = new Set(known);
  let copies = known.length;
  while (copies < wanted) {
    const holders = parts.sources.upHolders(version);
    const links = parts.mesh.upLinks();
    const preferred = links.filter(({ server }) => first.includes(server));
    const next = [...preferred, ...holders, ...links].find(({ server }) => !asked.has(server));
    if (next === undefined) break;
    asked.add(next.server);
    if (await pullAt(parts, next, version)) copies += 1;
  }
  return copies;
}

async function pullAt(parts: Parts, link: Link, version: VersionId): Promise<boolean> {
  try {
    const message = encodeJson({ version });
    const answer = await whileUp(watched(parts), link, () => link.call("pull", message, COMMIT_TIMEOUT_MS));
    return decodeJson<CommitAnswer>(answer).held;
  } catch {
    return false;
  }
}

/** The answer to a request that was carried out before, whoever did, as sure as if it had been carried out now. */
async function repeated(
  parts: Parts,
  path: FilePath,
  content: FileContent,
  staged: StagedFile,
  wanted: number,
): Promise<PutResult> {
  const { catalog, readiness, sources, staging, copies: own } = parts;
  // Its holders may be gone, and the same bytes are here.
  if (staged.sha256 === content.sha256) await own.commit(content.version, staged);
  else await staging.discard(staged);
  const number = await catalog.change((change) => {
    change.restatePath(path, CONTENT_FIELD);
    return change.number;
  });
  await catalog.flushed();
  await readiness.known(number);
  const { version, sha256, sizeBytes: size } = content;
  const holders = sources.upHolders(version).map(({ server }) => server);
  const held = own.has(version) ? [catalog.self, ...holders] : holders;
  const copies = await completeCopies(parts, version, held, wanted);
  checkEnough(parts, copies, wanted);
  return { version, sha256, size, copies, created: false };
}

/** The answer to a request with a condition that was carried out, and whose version was replaced since. */
export async function toldAgain({ catalog, readiness, sources }: Parts, decided: DecidedPut): Promise<PutResult> {
  return await afterChange(async () => {
    const number = await catalog.change((change) => change.number);
    await catalog.flushed();
    await readiness.known(number);
    return { ...decided, copies: Math.max(1, sources.upHolders(decided.version).length) };
  });
}
