/**
 * The taking side of a write or hand-over: another server streams a file here, then says what it is. Until then the
 * staged file is nobody's; when the one who sent it dies, it is found by its digest if the catalog comes to want it, and
 * thrown away after a while if not (S1).
 */

import { ByteReader, ByteWriter } from "../../core/bytes.ts";
import { decodeBatch, encodeBatch } from "../../core/catalog/batch.ts";
import { decodeContent } from "../../core/catalog/content.ts";
import type { Bytes } from "../../core/catalog/kv.ts";
import { separate } from "../../core/catalog/soundness.ts";
import type { CatalogRecord } from "../../core/catalog/types.ts";
import { FsdfsError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { OutgoingResponse } from "../../ports/network.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { Mesh, ServerRequest } from "../mesh/mesh.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import type { Copies } from "./copies.ts";
import type { Settler } from "./settle.ts";
import type { StagedFile, StagedWriter, Staging } from "./staging.ts";

/** How long a whole upload waits for its commit. */
const UPLOAD_KEPT_MS = 10 * 60 * 1000;
/** A commit follows its upload at once; after so long whoever wrote is taken for dead. */
const ORPHANED_AFTER_MS = 5000;
/** Whole uploads that wait at once. */
const UPLOADS_MAX = 10_000;

/** Files up to this size go whole in one message between servers. */
export const WHOLE_BYTES_MAX = 16 * 1024;

export interface StageAnswer {
  readonly upload: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export interface CommitAnswer {
  /** Whether it holds the version now; not when something newer is at the path. */
  readonly held: boolean;
}

export class Uploads {
  readonly #catalog: Catalog;
  readonly #staging: Staging;
  readonly #copies: Copies;
  readonly #settler: Settler;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, { staged: StagedFile; since: number }>();
  /** Uploads on their way to be copies: nobody may take them, and nobody need pull what they are. */
  readonly #committing = new Set<StagedFile>();

  constructor(catalog: Catalog, staging: Staging, copies: Copies, settler: Settler, clock: Clock) {
    this.#catalog = catalog;
    this.#staging = staging;
    this.#copies = copies;
    this.#settler = settler;
    this.#clock = clock;
  }

  serve(mesh: Mesh): void {
    mesh.handle("stage", (request) => this.#stage(request));
    mesh.handle("stage-whole", (request) => this.#stageWhole(request));
    mesh.handle("commit", (request) => this.#commit(request));
    mesh.handle("discard", (request) => this.#discard(request));
  }

  /**
   * Whether a whole upload has this digest: "fresh" while its commit is likely on the way, "orphaned" once whoever sent
   * it seems to be gone.
   */
  find(sha256: string): "none" | "fresh" | "orphaned" {
    for (const staged of this.#committing) if (staged.sha256 === sha256) return "fresh";
    for (const { staged, since } of this.#waiting.values()) {
      if (staged.sha256 === sha256) return this.#isOrphaned(since) ? "orphaned" : "fresh";
    }
    return "none";
  }

  /** An orphaned upload with these bytes, which is the caller's from now on. */
  takeOrphaned(sha256: string, sizeBytes: number): StagedFile | undefined {
    for (const [upload, { staged, since }] of this.#waiting) {
      if (staged.sha256 !== sha256 || staged.sizeBytes !== sizeBytes || !this.#isOrphaned(since)) continue;
      this.#waiting.delete(upload);
      return staged;
    }
    return undefined;
  }

  #isOrphaned(since: number): boolean {
    return this.#clock.monotonic() - since > ORPHANED_AFTER_MS;
  }

  /** Throws away what nobody has committed for long. */
  async expire(): Promise<void> {
    const bound = this.#clock.monotonic() - UPLOAD_KEPT_MS;
    for (const [upload, { staged, since }] of [...this.#waiting]) {
      if (since > bound) return;
      this.#waiting.delete(upload);
      await this.#staging.discard(staged);
    }
  }

  #stage({ body, signal }: ServerRequest): Promise<OutgoingResponse> {
    return this.#take(async (writer) => {
      for await (const chunk of body) await writer.write(chunk);
      if (signal.aborted) throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
    });
  }

  #stageWhole({ message, signal }: ServerRequest): Promise<OutgoingResponse> {
    return this.#take(async (writer) => {
      await writer.write(message);
      if (signal.aborted) throw new FsdfsError("body-incomplete", { received: writer.sizeBytes });
    });
  }

  async #take(write: (writer: StagedWriter) => Promise<void>): Promise<OutgoingResponse> {
    if (this.#waiting.size >= UPLOADS_MAX) throw new FsdfsError("overloaded");
    const writer = await this.#staging.begin("upload");
    let staged: StagedFile;
    try {
      await write(writer);
      staged = await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    this.#waiting.set(staged.id, { staged, since: this.#clock.monotonic() });
    const { id: upload, sizeBytes, sha256 } = staged;
    return { head: encodeJson({ upload, sizeBytes, sha256 } satisfies StageAnswer) };
  }

  async #commit({ message }: ServerRequest): Promise<OutgoingResponse> {
    const { upload, record } = decodeCommit(message);
    if (record.key.kind !== "path") throw new RangeError("a commit is of a path");
    const { path } = record.key;
    const content = decodeContent(record.value);
    if (content.type !== "file") throw new RangeError("a commit is of a file");
    const staged = this.#waiting.get(upload)?.staged;
    this.#waiting.delete(upload);
    if (staged !== undefined) this.#committing.add(staged);
    const { version } = content;
    let entered = false;
    try {
      await this.#catalog.originSettled();
      entered = await this.#catalog.change((change) => {
        change.merge(record);
        if (staged === undefined || staged.sha256 !== content.sha256) return false;
        if (!change.transaction.version(version).paths.includes(path)) return false;
        return this.#copies.enter(change, version, path, staged);
      });
    } finally {
      if (staged !== undefined) {
        this.#committing.delete(staged);
        if (entered) this.#staging.handOver(staged);
        else await this.#staging.discard(staged);
      }
    }
    await this.#catalog.flushed();
    await this.#settler.settle(version);
    return { head: encodeJson({ held: this.#copies.has(version) } satisfies CommitAnswer) };
  }

  async #discard({ message }: ServerRequest): Promise<OutgoingResponse> {
    const { upload } = decodeJson<{ upload: string }>(message);
    const waiting = this.#waiting.get(upload);
    this.#waiting.delete(upload);
    if (waiting !== undefined) await this.#staging.discard(waiting.staged);
    return { head: encodeJson({}) };
  }
}

export function encodeCommit(upload: string, record: CatalogRecord): Bytes {
  return new ByteWriter(256)
    .text(upload)
    .raw(encodeBatch({ records: [record], announcements: [] }))
    .finish();
}

function decodeCommit(message: Bytes): { upload: string; record: CatalogRecord } {
  const reader = new ByteReader(message);
  const upload = reader.text();
  const [record] = separate(decodeBatch(reader.rest()).records).sound;
  if (record === undefined) throw new RangeError("a commit without a sound record");
  return { upload, record };
}
