/** What the client can run on: its tests hold for each. */
import { createFetchTransport } from "./transport-fetch.ts";
import { nodePlatform } from "./transport-node.ts";

const { sha256 } = nodePlatform();

export const PLATFORMS = [
  { name: "Node's HTTP", create: nodePlatform },
  {
    name: "fetch",
    create: () => ({ transport: createFetchTransport({ streamsRequests: true }), sha256 }),
  },
] as const;
