/** Kinds of events that may be asked for by themselves; "ready" and "missed" are told to everybody. */
export const EVENT_TYPES = ["file", "copy", "pull", "server", "alarm"] as const;
export type EventType = (typeof EVENT_TYPES)[number];
