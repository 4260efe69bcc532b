/**
 * Checks JSON that another process wrote, member by member. The gateways' validator would do it as well, but takes longer
 * to load than most commands take to run.
 */

/** Whether a member is of the kind asked for. */
export type Guard<T> = (value: unknown) => value is T;

export const text: Guard<string> = (value) => typeof value === "string";
export const flag: Guard<boolean> = (value) => typeof value === "boolean";

/** A whole number in the range, both ends included. */
export function whole(least: number, most: number): Guard<number> {
  return (value): value is number => Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}

export function matching(pattern: RegExp): Guard<string> {
  return (value): value is string => text(value) && pattern.test(value);
}

export const url: Guard<string> = (value): value is string => text(value) && URL.canParse(value);

export function optional<T>(guard: Guard<T>): Guard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value);
}

type Shape = Readonly<Record<string, Guard<unknown>>>;
export type Shaped<S extends Shape> = { readonly [K in keyof S]: S[K] extends Guard<infer T> ? T : never };

/** The named members and no others; undefined when it is no object, or one of them is of another kind. */
export function shaped<S extends Shape>(value: unknown, shape: S): Shaped<S> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const members: Record<string, unknown> = {};
  for (const [name, guard] of Object.entries(shape)) {
    const member: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
    if (!guard(member)) return undefined;
    if (member !== undefined) members[name] = member;
  }
  return members as Shaped<S>;
}

/** undefined for what is no JSON. */
export function safeJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
