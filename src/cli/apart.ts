/** Several sources in one place, as `cp` takes them: each under its own name. */
import { UsageError } from "./command.ts";

/**
 * @param nameOf what a source is called at its destination; undefined when it has no name of its own there. What it throws
 * is told when it is the source's turn
 * @throws UsageError when two would have one name: which of them stayed there would be chance
 */
export function checkApart(sources: readonly string[], nameOf: (source: string) => string | undefined): void {
  const taken = new Map<string, string>();
  for (const source of sources) {
    const name = nameOrNothing(source, nameOf);
    if (name === undefined) continue;
    const other = taken.get(name);
    if (other !== undefined && other !== source) {
      throw new UsageError(
        `${other} and ${source} would both be '${name}' there.`,
        "Give them destinations of their own.",
      );
    }
    taken.set(name, source);
  }
}

function nameOrNothing(source: string, nameOf: (source: string) => string | undefined): string | undefined {
  try {
    return nameOf(source);
  } catch {
    return undefined;
  }
}
