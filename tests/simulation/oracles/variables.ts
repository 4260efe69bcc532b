/** V1: at rest each variable is what its last acknowledged writer made it, or one who may have been later. */
import type { Variables, VariableValue } from "../../../src/core/catalog/variables.ts";
import type { History, Operation } from "../history.ts";
import type { Losses } from "../losses.ts";
import type { RestView } from "../rest.ts";

export function lastWriters(history: History, view: RestView, losses: Losses, writeCopies: number): string[] {
  const entries = view.servers[0]?.entries;
  if (!entries) return [];
  const sets = history.operations.filter(({ kind, outcome }) => kind === "set" && outcome !== "failed");
  const byVariable = Map.groupBy(sets, ({ path, variable }) => `${path} ${variable?.name}`);
  return [...byVariable.values()].flatMap((writers) => {
    const { path, variable } = writers[0]!;
    const entry = entries.get(path);
    if (entry?.type !== "file") return [];
    const found = valueIn(entry.variables, variable!.name);
    const certain = writers.filter((each) => each.outcome === "acknowledged" && !losses.excuses(each, writeCopies));
    const makers = writers.filter((each) => each.variable?.value === found);
    // Before the first of them it was not set.
    if (found === null && certain.length === 0) return [];
    const isBeaten = (maker: Operation) => certain.some((other) => maker.clockHighMs < other.clockLowMs);
    if (makers.some((maker) => !isBeaten(maker))) return [];
    const made = makers.length === 0 ? "which nobody made it" : "which a later writer has changed";
    return [`${variable!.name} of ${path} is ${found}, ${made}: ${writers.map(tell).join(", ")}`];
  });
}

function valueIn(variables: Variables | undefined, name: string): VariableValue | null {
  return variables !== undefined && Object.hasOwn(variables, name) ? variables[name]! : null;
}

function tell({ id, variable, outcome }: Operation): string {
  return `#${id} ${variable?.value} ${outcome}`;
}
