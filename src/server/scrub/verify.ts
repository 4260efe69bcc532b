/**
 * A verify of the whole swarm (`fsdfs verify`): the server that is asked has every server that is up begin its part
 * (verify-run.ts), looks every so often how far each of them is, and has them end when nobody waits for it any more. One
 * that is not looked at for a while ends by itself, so that a server that died leaves none behind.
 */
import { hex } from "../../core/bytes.ts";
import { readEntry } from "../../core/catalog/entries.ts";
import type { ServerId } from "../../core/ids.ts";
import type { FilePath } from "../../core/paths.ts";
import { FsdfsError } from "../../errors.ts";
import { NetworkError, RemoteError } from "../../ports/network.ts";
import type { Random } from "../../ports/random.ts";
import type { Link } from "../mesh/link.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { VerifiedServer, VerifyCounts, VerifyEvent, VerifyOptions } from "../scrub-face.ts";
import type { Settings } from "../settings.ts";
import { onAbort, sleep } from "../timers.ts";
import { EXAMPLES_MAX, NOTHING_COUNTED, type RunReport, VerifyRun, type VerifyRunParts } from "./verify-run.ts";

const POLL_MS = 200;
const CALL_TIMEOUT_MS = 5000;
/** Not looked at, or not heard of, for so long: it is over. */
const SILENT_MS_MAX = 15_000;

export interface VerifyParts extends VerifyRunParts {
  readonly random: Random;
  readonly mesh: Mesh;
  readonly settings: Settings;
  /** Aborted when the server stops. */
  readonly ending: AbortSignal;
}

interface Begin {
  readonly id: string;
  readonly path: FilePath | "";
  readonly rate: number | null;
}

/** This server's part of a verify. */
interface OwnRun {
  readonly id: string;
  readonly run: VerifyRun;
  /** Aborted when it is left or over, and when the server stops. */
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  /** Ends its listening for the server's stop. */
  forget(): void;
  lookedAt: number;
}

/** Another server's part. */
interface RemoteRun {
  readonly link: Link;
  heardAt: number;
  report: RunReport;
  isInterrupted: boolean;
}

export class Verify {
  readonly #parts: VerifyParts;
  #own: OwnRun | undefined;

  constructor(parts: VerifyParts) {
    this.#parts = parts;
    parts.mesh.handle("verify-begin", async ({ message }) => {
      this.#begin(decodeJson<Begin>(message));
      return { head: encodeJson({}) };
    });
    parts.mesh.handle("verify-look", async ({ message }) => {
      const { id } = decodeJson<{ id: string }>(message);
      return { head: encodeJson({ report: this.#look(id) ?? null }) };
    });
    parts.mesh.handle("verify-end", async ({ message }) => {
      this.#end(decodeJson<{ id: string }>(message).id);
      return { head: encodeJson({}) };
    });
  }

  /** The first step refuses what is to be refused. @throws FsdfsError `verify-running`, `file-not-found`, `stopping` */
  async *run(path: FilePath | "", { rate }: VerifyOptions): AsyncGenerator<VerifyEvent> {
    const { catalog, random, mesh, clock, ending } = this.#parts;
    if (readEntry(catalog.read(), path) === undefined) throw new FsdfsError("file-not-found", { path });
    const begin: Begin = { id: hex(random.bytes(8)), path, rate: rate ?? null };
    const links = mesh.upLinks();
    try {
      this.#begin(begin);
      const runs = new Map(await Promise.all(links.map((link) => this.#beginAt(link, begin))));
      for (;;) {
        await sleep(clock, POLL_MS, ending);
        if (ending.aborted) throw new FsdfsError("stopping");
        await Promise.all(Array.from(runs.values(), (remote) => this.#lookAt(remote, begin.id)));
        const event = this.#event(begin.id, runs);
        yield event;
        if (event.kind === "done") return;
      }
    } finally {
      this.#end(begin.id);
      const end = encodeJson({ id: begin.id });
      for (const link of links) void link.call("verify-end", end, CALL_TIMEOUT_MS).catch(() => undefined);
    }
  }

  #begin({ id, path, rate }: Begin): void {
    const { clock, ending, log } = this.#parts;
    if (this.#own !== undefined) throw new FsdfsError("verify-running");
    const controller = new AbortController();
    const { signal } = controller;
    const forget = onAbort(ending, () => controller.abort());
    const run = new VerifyRun(this.#parts, { path, bytesPerS: rate ?? undefined }, signal);
    const own: OwnRun = { id, run, controller, signal, forget, lookedAt: clock.monotonic() };
    this.#own = own;
    void run.run().catch((error: unknown) => {
      controller.abort();
      log.warn("a verify failed", { error: String(error) });
    });
    void this.#endWhenLeft(own);
  }

  async #endWhenLeft(own: OwnRun): Promise<void> {
    const { clock } = this.#parts;
    const left = () => clock.monotonic() - own.lookedAt > SILENT_MS_MAX;
    while (!own.signal.aborted && !left()) await sleep(clock, SILENT_MS_MAX, own.signal);
    this.#end(own.id);
  }

  /** Undefined when this server knows nothing of it, or could not go on with it. */
  #look(id: string): RunReport | undefined {
    const own = this.#own;
    if (own?.id !== id) return undefined;
    own.lookedAt = this.#parts.clock.monotonic();
    return own.run.report;
  }

  #end(id: string): void {
    if (this.#own?.id !== id) return;
    this.#own.controller.abort();
    this.#own.forget();
    this.#own = undefined;
  }

  /** @throws RemoteError `verify-running` */
  async #beginAt(link: Link, begin: Begin): Promise<[ServerId, RemoteRun]> {
    const report: RunReport = { ...NOTHING_COUNTED, state: "reading", examples: [] };
    const remote = { link, heardAt: this.#parts.clock.monotonic(), report, isInterrupted: false };
    try {
      await link.call("verify-begin", encodeJson(begin), CALL_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof RemoteError && error.code === "verify-running") throw error;
      if (!(error instanceof RemoteError || error instanceof NetworkError)) throw error;
      remote.isInterrupted = true;
    }
    return [link.server, remote];
  }

  async #lookAt(remote: RemoteRun, id: string): Promise<void> {
    if (remote.isInterrupted || remote.report.state === "done") return;
    const { clock, mesh } = this.#parts;
    try {
      const link = mesh.link(remote.link.server) ?? remote.link;
      const answer = await link.call("verify-look", encodeJson({ id }), CALL_TIMEOUT_MS);
      const { report } = decodeJson<{ report: RunReport | null }>(answer);
      if (report === null) remote.isInterrupted = true;
      else remote.report = report;
      remote.heardAt = clock.monotonic();
    } catch (error) {
      if (!(error instanceof RemoteError || error instanceof NetworkError)) throw error;
      if (clock.monotonic() - remote.heardAt > SILENT_MS_MAX) remote.isInterrupted = true;
    }
  }

  #event(id: string, runs: ReadonlyMap<ServerId, RemoteRun>): VerifyEvent {
    const { settings, catalog } = this.#parts;
    const servers: VerifiedServer[] = [];
    const examples: VerifyEvent["examples"][number][] = [];
    const own = this.#look(id);
    for (const { id: server, name } of settings.roster.values()) {
      const remote = runs.get(server);
      const report = server === catalog.self ? own : remote?.report;
      const wasAsked = server === catalog.self || remote !== undefined;
      const isCut = remote?.isInterrupted === true || report === undefined;
      const state = !wasAsked ? "down" : isCut ? "interrupted" : report.state;
      servers.push({ id: server, name, state, ...countsOf(report) });
      for (const example of report?.examples ?? []) examples.push({ ...example, server: name });
    }
    const isDone = servers.every(({ state }) => state !== "reading" && state !== "repairing");
    const counts = servers.reduce<VerifyCounts>((sum, server) => added(sum, server), NOTHING_COUNTED);
    return { kind: isDone ? "done" : "progress", ...counts, servers, examples: examples.slice(0, EXAMPLES_MAX) };
  }
}

const COUNTED = Object.keys(NOTHING_COUNTED) as (keyof VerifyCounts)[];

function countsOf(report: RunReport | undefined): VerifyCounts {
  return added(NOTHING_COUNTED, report ?? NOTHING_COUNTED);
}

function added(a: VerifyCounts, b: VerifyCounts): VerifyCounts {
  return Object.fromEntries(COUNTED.map((name) => [name, a[name] + b[name]])) as Record<keyof VerifyCounts, number>;
}
