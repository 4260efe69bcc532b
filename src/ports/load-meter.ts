/** How busy this server's machine and process are (M4). */
export interface LoadMeter {
  /** The greatest of CPU, event-loop delay and outgoing bytes against their bounds, 0 to 1. */
  load(): number;
}
