/** How far a long job is: what is done of what there is to do, how fast it goes just now, and how long it will take. */
import { formatSize } from "./output.ts";

/** The rate is that of the last so many milliseconds: long enough to be calm, short enough to be true. */
const WINDOW_MS = 20_000;
/** Between two samples of the window. */
const SAMPLE_MS = 200;
/** What a file costs beside its bytes, as bytes: requests and syncs of disks take the time of about so many. */
const FILE_COST_BYTES = 1_000_000;

interface Sample {
  readonly ms: number;
  readonly bytes: number;
  readonly work: number;
}

export class Progress {
  /** Moved now; and found to be there already. */
  movedFiles = 0;
  movedBytes = 0;
  presentFiles = 0;
  presentBytes = 0;
  failedFiles = 0;
  /** What there is to do, as far as it has been counted. */
  expectedFiles = 0;
  expectedBytes = 0;
  /** It has been counted to its end. */
  counted = false;
  readonly #now: () => number;
  readonly #startedMs: number;
  #samples: Sample[] = [];

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedMs = now();
  }

  get elapsedMs(): number {
    return Math.max(this.#now() - this.#startedMs, 1);
  }

  /** "1,200 of 40,000 files, 3.1 GB of 155 GB, 29 MB/s, 1 h 20 min left" */
  line(): string {
    this.#sample();
    const files = this.movedFiles + this.presentFiles + this.failedFiles;
    const bytes = this.movedBytes + this.presentBytes;
    const { bytesPerSecond, leftMs } = this.#rates();
    const more = this.counted ? "" : "+";
    const total = this.expectedFiles === 0 ? "" : ` of ${this.expectedFiles.toLocaleString("en-US")}${more}`;
    const totalBytes = this.expectedFiles === 0 ? "" : ` of ${formatSize(this.expectedBytes)}${more}`;
    return [
      `${files.toLocaleString("en-US")}${total} files`,
      `${formatSize(bytes)}${totalBytes}`,
      `${formatSize(bytesPerSecond)}/s`,
      ...(leftMs === undefined ? [] : [`${formatLeft(leftMs)} left`]),
    ].join(", ");
  }

  #work(): number {
    const files = this.movedFiles + this.presentFiles + this.failedFiles;
    return this.movedBytes + this.presentBytes + files * FILE_COST_BYTES;
  }

  #sample(): void {
    const ms = this.#now();
    const last = this.#samples.at(-1);
    if (last !== undefined && ms - last.ms < SAMPLE_MS) return;
    this.#samples.push({ ms, bytes: this.movedBytes, work: this.#work() });
    this.#samples = this.#samples.filter((sample) => ms - sample.ms <= WINDOW_MS);
  }

  #rates(): { bytesPerSecond: number; leftMs: number | undefined } {
    const first = this.#samples[0] ?? { ms: this.#startedMs, bytes: 0, work: 0 };
    // Before there are two samples, since the beginning.
    const from = this.#samples.length > 1 ? first : { ms: this.#startedMs, bytes: 0, work: 0 };
    const ms = Math.max(this.#now() - from.ms, 1);
    const bytesPerSecond = Math.max(((this.movedBytes - from.bytes) / ms) * 1000, 0);
    const workPerMs = (this.#work() - from.work) / ms;
    const workLeft = this.expectedBytes + this.expectedFiles * FILE_COST_BYTES - this.#work();
    const known = this.counted && workPerMs > 0;
    return { bytesPerSecond, leftMs: known ? Math.max(workLeft, 0) / workPerMs : undefined };
  }
}

/** As exact as such a guess is: "45 s", "12 min", "1 h 20 min", "3 days". */
export function formatLeft(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / (24 * 60))} days`;
}
