/** What looking things up takes: a server has all of it, and so has each of its serving processes. */
import type { ReadView } from "../../core/catalog/kv.ts";
import type { CatalogContext } from "../../core/catalog/transaction.ts";
import type { Stamp } from "../../core/catalog/types.ts";
import type { HybridTime, ServerId } from "../../core/ids.ts";
import type { HolderInfo } from "../face.ts";

export interface Lookups {
  /** As CatalogStore's: of one snapshot within a synchronous stretch of code. */
  read(): ReadView;
  serverOf(originIndex: number): ServerId;
  readonly context: CatalogContext;
  /** This server's own; undefined before it is in the roster. */
  readonly zone: string | undefined;
  /** Undefined when it is not in the roster. */
  describeServer(server: ServerId): HolderInfo | undefined;
  /** When a content was written, at the latest (C8). */
  writtenAt(stamp: Pick<Stamp, "rank" | "time">): HybridTime;
}
