/** What of the trash gives way to a copy that a server makes by itself. */
import { wallMsOf } from "../../core/hybrid-clock.ts";
import { type VersionId, versionTime } from "../../core/ids.ts";
import { CLOCK_SKEW_MAX_MS } from "../mesh/skews.ts";
import { purposeOf } from "../storage/space.ts";

/** Whoever takes an upload makes W copies of it by then. */
const JUST_MADE_MS = 5000;

/**
 * A file that was put a moment ago seems to have fewer copies than it has: those that are being acknowledged are not stated
 * yet. What users deleted does not go for that.
 */
export function purposeOfPull(surplus: number, version: VersionId, wallMs: number): ReturnType<typeof purposeOf> {
  const ageMs = wallMs - wallMsOf(versionTime(version));
  const isJustMade = ageMs < JUST_MADE_MS && ageMs > -CLOCK_SKEW_MAX_MS;
  return isJustMade ? "extra" : purposeOf(surplus);
}
