/**
 * What becomes of an entry of one swarm in the catalog of another that it joins (C11): what is alive beats a deletion that
 * it never had to do with, and of two files at one path the one that was written later stays.
 */
import type { HybridTime } from "../ids.ts";
import type { Content } from "./types.ts";

/** taken: nothing is there; same: it is there already; replaces: it is the later file; kept: the one that is there stays. */
export type OfferVerdict = "taken" | "same" | "replaces" | "kept";

interface Dated {
  readonly content: Content;
  /** When it was made, by the clocks (C8): stamps of two swarms do not compare. */
  readonly madeAt: HybridTime;
}

export function judgeOffer(present: Dated | undefined, offered: Dated): OfferVerdict {
  if (present === undefined || present.content.type === "deleted") return "taken";
  if (offered.content.type !== "file") return "same"; // A directory is one by what is in it.
  if (present.content.type !== "file") return "taken";
  const [before, now] = [present.content.version, offered.content.version];
  if (before === now) return "same";
  if (present.madeAt !== offered.madeAt) return offered.madeAt > present.madeAt ? "replaces" : "kept";
  return now > before ? "replaces" : "kept";
}
