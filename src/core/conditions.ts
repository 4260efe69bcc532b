/**
 * What a write may be made conditional on (C14; RFC 9110, 13.1): the state of the path in the moment of the write. A file's
 * entity tag is its version.
 */
import type { Entry } from "./catalog/entries.ts";
import type { FilePath } from "./paths.ts";
import { rendezvousWeight } from "./rendezvous.ts";

export interface Conditions {
  /** "*": something is there; else: the file is in one of these versions. */
  readonly ifMatch?: "*" | readonly string[];
  /** "*": nothing is there; else: what is there is in none of these versions. */
  readonly ifNoneMatch?: "*" | readonly string[];
}

export function meets(present: Entry | undefined, { ifMatch, ifNoneMatch }: Conditions): boolean {
  return (
    (ifMatch === undefined || isListed(present, ifMatch)) &&
    (ifNoneMatch === undefined || !isListed(present, ifNoneMatch))
  );
}

/** A directory has no version, so that only "*" speaks of it. */
function isListed(present: Entry | undefined, tags: "*" | readonly string[]): boolean {
  if (present === undefined) return false;
  return tags === "*" || (present.type === "file" && tags.includes(present.content.version));
}

/** The server that decides conditions on a path: the first by rendezvous over the roster, whoever of it is up. */
export function ownerOf<S extends string>(path: FilePath, roster: Iterable<S>): S | undefined {
  let owner: S | undefined;
  let greatest = -1;
  for (const server of roster) {
    const weight = rendezvousWeight(path, server);
    if (weight < greatest || (weight === greatest && owner !== undefined && server > owner)) continue;
    owner = server;
    greatest = weight;
  }
  return owner;
}
