/** Finding servers of the LAN that nobody named. Tells nothing that is derived from the password. */
export interface Discovery {
  /**
   * Announces this server's swarm port and calls `found` with the address ("host:port") of each server that is heard,
   * again and again, its own excepted. Never fails: without a network it finds nobody.
   */
  start(swarmPort: number, found: (address: string) => void): Promise<void>;
  close(): Promise<void>;
}
