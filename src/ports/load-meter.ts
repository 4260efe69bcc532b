/** How busy this server's machine and process are (M4). */
export interface LoadMeter {
  /** The greatest of CPU, event-loop delay and outgoing bytes against their bounds, 0 to 1. */
  load(): number;
  /** The same while clients get files or send them, and 0 while they do not: what the background yields to is not itself. */
  clientLoad(): number;
}
