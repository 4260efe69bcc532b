/** What a serving process is told of other servers, since its catalog does not say it. Sent as JSON. */
import type { ServerId } from "../../core/ids.ts";
import type { HolderInfo } from "../face.ts";

export interface ServingView {
  /** It holds while the lease register has the same. */
  readonly revision: number;
  readonly self: ServerId;
  readonly servers: readonly HolderInfo[];
  /** Who does not count for K (M3): absent and draining ones. */
  readonly uncounted: readonly ServerId[];
}

/** Where leases and views go. */
export interface ServingSink {
  publish(view: ServingView): void;
}
