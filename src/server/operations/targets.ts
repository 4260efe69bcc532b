/** Sending an upload to the other servers that are to take it (S1): as a stream, or whole when it is small. */
import type { Bytes } from "../../core/catalog/kv.ts";
import type { Link } from "../mesh/link.ts";
import { decodeJson, encodeJson } from "../mesh/messages.ts";
import { isUnanswered, Progress, whileUp } from "../mesh/while-up.ts";
import type { Parts } from "../parts.ts";
import { Pipe } from "../storage/streams.ts";
import { type StageAnswer, WHOLE_BYTES_MAX } from "../storage/uploads.ts";

/** How long a target may take to make an upload durable after its last byte. */
const STAGE_TIMEOUT_MS = 15 * 60 * 1000;
export const COMMIT_TIMEOUT_MS = 30_000;

/** A target's part in one PUT. */
export interface RemoteUpload {
  readonly link: Link;
  /** Undefined when it failed. */
  readonly answer: Promise<StageAnswer | undefined>;
  /** Resolves when the target takes more, or takes nothing any more. */
  push(chunk: Bytes): Promise<void>;
  /** Nothing more comes: these are all the bytes, or the upload was given up. */
  end(error?: Error): void;
}

/** @param sizeBytes undefined: not known */
export function beginUpload(parts: Parts, link: Link, sizeBytes: number | undefined): RemoteUpload {
  const isSmall = sizeBytes !== undefined && sizeBytes <= WHOLE_BYTES_MAX;
  return isSmall ? wholeUpload(parts, link, sizeBytes) : streamedUpload(parts, link);
}

function streamedUpload(parts: Parts, link: Link): RemoteUpload {
  const pipe = new Pipe();
  const answer = stageAt(parts, link, pipe);
  let failed = false;
  void answer.then((staged) => {
    if (staged === undefined) failed = true;
    pipe.leave();
  });
  return {
    link,
    answer,
    push: async (chunk) => {
      if (!failed && !(await pipe.push(chunk))) failed = true;
    },
    end: (error) => pipe.end(error),
  };
}

/** It is sent when all of it is there and right, in one request with others of that moment. */
function wholeUpload(parts: Parts, link: Link, sizeBytes: number): RemoteUpload {
  const bytes = new Uint8Array(sizeBytes);
  let filled = 0;
  const { promise: answer, resolve } = Promise.withResolvers<StageAnswer | undefined>();
  return {
    link,
    answer,
    push: async (chunk) => {
      const some = chunk.subarray(0, sizeBytes - filled); // More than was said is refused by whoever receives it.
      bytes.set(some, filled);
      filled += some.length;
    },
    end: (error) => resolve(error === undefined ? stageWhole(parts, link, bytes) : undefined),
  };
}

/** Undefined when it failed. */
export async function stageAt(parts: Parts, link: Link, body: AsyncIterable<Bytes>): Promise<StageAnswer | undefined> {
  const progress = new Progress(parts.ports.clock);
  try {
    const response = await whileUp(
      watched(parts),
      link,
      (signal) => link.bulk("stage", encodeJson({}), { timeoutMs: STAGE_TIMEOUT_MS, body: progress.of(body), signal }),
      () => progress.isStalled,
    );
    return decodeJson<StageAnswer>(response.head);
  } catch {
    return undefined;
  }
}

async function stageWhole(parts: Parts, link: Link, bytes: Bytes): Promise<StageAnswer | undefined> {
  const answer = link.bundled("stage-whole", bytes);
  try {
    const isStalled = isUnanswered(parts.ports.clock);
    return decodeJson<StageAnswer>(await whileUp(watched(parts), link, () => answer, isStalled));
  } catch {
    void answer.then((late) => discard({ link, upload: decodeJson<StageAnswer>(late).upload })).catch(() => undefined);
    return undefined;
  }
}

/** An upload that a target has, whole and durable. */
export interface WholeUpload {
  readonly link: Link;
  readonly upload: string;
}

export async function discard({ link, upload }: WholeUpload): Promise<void> {
  await link.call("discard", encodeJson({ upload }), COMMIT_TIMEOUT_MS).catch(() => undefined);
}

export function watched({ mesh, ports }: Parts) {
  return { mesh, clock: ports.clock };
}
