/** What clients did and were told: the only thing, besides disks and the public face, that oracles look at. */
import type { VariableValue } from "../../src/core/catalog/variables.ts";
import type { VersionId } from "../../src/core/ids.ts";
import type { Swarm } from "./swarm.ts";

/** What clients choose from by chance. */
export type WorkKind = "put" | "remove" | "move" | "makeDirectory" | "get" | "head" | "list" | "locate" | "status";
export type OperationKind = WorkKind | "set" | "restore";
/** unknown: it may have been carried out, may be carried out later, or never. */
export type Outcome = "pending" | "acknowledged" | "failed" | "unknown";

/** What a read told of one path. */
export type Seen =
  | { readonly kind: "absent" }
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly version: VersionId; readonly sha256: string };

export type Condition = VersionId | "nothing";

/** null removes it. */
export interface VariableSet {
  readonly name: string;
  readonly value: VariableValue | null;
}

export interface Operation {
  readonly id: number;
  readonly client: string;
  readonly kind: OperationKind;
  readonly path: string;
  /** Of a move. */
  readonly to: string | undefined;
  /** Of a put: names its content, which no other put has. */
  readonly sha256: string | undefined;
  /** Of a set. */
  readonly variable: VariableSet | undefined;
  /** What had to be at the path (C14): that version, or nothing. */
  readonly condition: Condition | undefined;
  readonly startMs: number;
  /** The least that any server's clock showed until the end: a change that was answered has no earlier hybrid time. */
  clockLowMs: number;
  endMs: number;
  /** The most that any server's clock had shown by the end: a change that was answered has no later hybrid time. */
  clockHighMs: number;
  outcome: Outcome;
  /** The error's code. */
  code: string | undefined;
  /** Of an acknowledged put. */
  version: VersionId | undefined;
  copies: number | undefined;
  /** Of an acknowledged restore: the content that is at the path by it. */
  restored: string | undefined;
  /** An attempt before the last ended without an answer that settles it: it may have been carried out as well. */
  doubtful: boolean;
  /** Of a put: servers were told how many bytes come. */
  sizeTold: boolean;
  /** The machine that gave the last answer. */
  server: string | undefined;
  /** What a read was told, path by path. Complete for a list: what is not in it is not there. */
  readonly seen: Map<string, Seen>;
}

/** A hybrid clock may run ahead of the clocks it saw: its mark is persisted ahead of use. */
const HYBRID_AHEAD_MS = 10_000;

export class History {
  readonly operations: Operation[] = [];
  readonly #swarm: Swarm;
  readonly #paths = new Set<string>();
  readonly #bySha = new Map<string, Operation>();

  constructor(swarm: Swarm) {
    this.#swarm = swarm;
  }

  /** All paths that a client ever changed or meant to. */
  get paths(): readonly string[] {
    return [...this.#paths].sort();
  }

  /** The first, where clients of two workloads happen to put the same bytes. */
  putOf(sha256: string): Operation | undefined {
    return this.#bySha.get(sha256);
  }

  begin(
    client: string,
    kind: OperationKind,
    path: string,
    more: { to?: string; sha256?: string; variable?: VariableSet; condition?: Condition | undefined } = {},
  ): Operation {
    const operation: Operation = {
      id: this.operations.length + 1,
      client,
      kind,
      path,
      to: more.to,
      sha256: more.sha256,
      variable: more.variable,
      condition: more.condition,
      startMs: this.#swarm.world.nowMs,
      clockLowMs: this.#swarm.wallMinMs(),
      endMs: Number.POSITIVE_INFINITY,
      clockHighMs: Number.POSITIVE_INFINITY,
      outcome: "pending",
      code: undefined,
      version: undefined,
      copies: undefined,
      restored: undefined,
      doubtful: false,
      sizeTold: false,
      server: undefined,
      seen: new Map(),
    };
    this.operations.push(operation);
    if (kind === "put" || kind === "remove" || kind === "move" || kind === "restore") this.#paths.add(path);
    if (more.to !== undefined) this.#paths.add(more.to);
    if (more.sha256 !== undefined && !this.#bySha.has(more.sha256)) this.#bySha.set(more.sha256, operation);
    return operation;
  }

  end(operation: Operation, outcome: Exclude<Outcome, "pending">, code?: string): void {
    operation.outcome = outcome;
    operation.code = code;
    if (outcome !== "unknown") {
      operation.endMs = this.#swarm.world.nowMs;
      operation.clockLowMs = Math.min(operation.clockLowMs, this.#swarm.wallSetMinMs(operation.startMs));
      operation.clockHighMs = this.#swarm.wallMaxMs() + HYBRID_AHEAD_MS;
    }
    const { id, client, kind, path, server } = operation;
    const to = operation.to === undefined ? "" : ` to ${operation.to}`;
    const version = operation.version === undefined ? "" : ` ${operation.version} on ${operation.copies}`;
    const set = operation.variable === undefined ? "" : ` ${operation.variable.name}=${operation.variable.value}`;
    const condition = operation.condition === undefined ? "" : ` if ${operation.condition}`;
    this.#swarm.world.trace(
      `#${id} ${client} ${kind} ${path}${to}${set}${condition} at ${server}: ${outcome} ${code ?? ""}${version}`,
    );
  }
}
