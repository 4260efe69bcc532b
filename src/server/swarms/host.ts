/**
 * The host's side of a merge (C11): takes in what another swarm offers, page by page. With each page it is written how far
 * the guest has come, in the same change, so that a page counts once whichever server of either swarm goes on with it.
 */
import { utf8 } from "../../core/bytes.ts";
import { decodeContent, encodeContent } from "../../core/catalog/content.ts";
import { entryKey } from "../../core/catalog/keys.ts";
import type { ReadView } from "../../core/catalog/kv.ts";
import { CONTENT_FIELD, contentOf } from "../../core/catalog/merge.ts";
import { judgeOffer, type OfferVerdict } from "../../core/catalog/offers.ts";
import { readRegisters } from "../../core/catalog/transaction.ts";
import type { HybridTime, SwarmId } from "../../core/ids.ts";
import { parsePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import type { Change } from "../catalog/change.ts";
import { afterChange } from "../failures.ts";
import type { ForeignRequest } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import { withForever } from "../operations/forever.ts";
import { removeLeftVariables } from "../operations/variables.ts";
import type { Parts } from "../parts.ts";
import { writeKey } from "../settings.ts";
import {
  checkNotJoining,
  type HostHello,
  type OfferedEntry,
  type OfferPage,
  readTaken,
  type Taken,
  type TakenAnswer,
  takenSetting,
} from "./messages.ts";

export function serveGuests(parts: Parts): void {
  const { mesh, catalog, identity } = parts;
  const answer = (method: string, handler: (request: ForeignRequest) => Promise<unknown>) => {
    mesh.handleForeign(method, async (request) => {
      if (request.swarm === identity.swarm) throw new FsdfsError("merge-refused", { reason: "it is the same swarm" });
      return { head: encodeJson(await handler(request)) };
    });
  };
  answer("merge-hello", () => hello(parts));
  answer("merge-judge", async ({ message }) => {
    const entries = decodeJson<OfferedEntry[]>(message);
    await mustBeFresh(parts);
    const view = catalog.read();
    return entries.map((entry) => judge(parts, view, entry));
  });
  answer("merge-status", async ({ swarm }) => {
    await mustBeFresh(parts);
    const taken = readTaken(catalog.read(), swarm);
    await catalog.flushed();
    return { ...taken, server: catalog.self } satisfies TakenAnswer;
  });
  answer("merge-offer", ({ swarm, message }) => take(parts, swarm, decodeJson<OfferPage>(message)));
}

async function hello(parts: Parts): Promise<HostHello> {
  const { identity, catalog, settings, ports } = parts;
  await mustBeFresh(parts);
  checkNotJoining(catalog.read());
  const addresses = [...settings.roster.values()].flatMap((entry) => entry.addresses);
  const { files } = catalog.stats();
  return { swarm: identity.swarm!, files, servers: settings.roster.size, wallMs: ports.clock.wall(), addresses };
}

async function mustBeFresh({ readiness }: Parts): Promise<void> {
  if (!(await readiness.becomesFresh())) throw new FsdfsError("behind");
}

function judge({ settings }: Parts, view: ReadView, entry: OfferedEntry): OfferVerdict {
  const registers = readRegisters(view, entryKey(parsePath(entry.path)));
  const content = contentOf(registers);
  const stamp = registers.find(({ field }) => field === CONTENT_FIELD)?.stamp;
  const present = content && stamp && { content, madeAt: settings.madeAt(content, stamp) };
  const offered = { content: decodeContent(contentIn(entry)), madeAt: entry.madeAt as HybridTime };
  return judgeOffer(present, offered);
}

function contentIn({ registers }: OfferedEntry): Uint8Array {
  const content = registers.find(([field]) => field === CONTENT_FIELD);
  if (content === undefined)
    throw new FsdfsError("argument-invalid", { name: "An entry", reason: "it has no content" });
  return Buffer.from(content[1], "base64");
}

async function take(parts: Parts, guest: SwarmId, page: OfferPage): Promise<Taken> {
  const { catalog, readiness } = parts;
  readiness.checkClock();
  await mustBeFresh(parts);
  const { taken, number } = await catalog.change((change) => {
    checkNotJoining(change.view);
    return { taken: takeIn(parts, change, guest, page), number: change.number };
  });
  await afterChange(async () => {
    await catalog.flushed();
    await readiness.known(number);
  });
  return taken;
}

/** Answers how far the guest has come; that is somewhere else when the page does not follow on what was taken. */
function takeIn(parts: Parts, change: Change, guest: SwarmId, page: OfferPage): Taken {
  const before = readTaken(change.view, guest);
  if (before.done || before.cursor !== page.after) return before;
  for (const entry of page.entries) {
    const verdict = judge(parts, change.view, entry);
    if (verdict === "taken" || verdict === "replaces") enter(parts, change, entry);
  }
  for (const key of page.keys) if (!parts.settings.keys.has(key.id)) writeKey(change, key);
  const taken: Taken = { cursor: page.entries.at(-1)?.path ?? before.cursor, done: page.last };
  change.writeSetting(takenSetting(guest), utf8(JSON.stringify(taken)));
  return taken;
}

function enter({ catalog }: Parts, change: Change, entry: OfferedEntry): void {
  const path = parsePath(entry.path);
  removeLeftVariables(change, path);
  const content = decodeContent(contentIn(entry));
  if (content.type === "deleted")
    throw new FsdfsError("argument-invalid", { name: "An entry", reason: "nothing is there" });
  const time = catalog.timeAfter(change, path);
  change.writePath(path, CONTENT_FIELD, encodeContent(withForever(change.view, path, content)), time);
  for (const [field, value] of entry.registers) {
    if (field !== CONTENT_FIELD) change.writePath(path, field, new Uint8Array(Buffer.from(value, "base64")));
  }
}
