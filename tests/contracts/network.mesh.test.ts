/** The Network port's contract on the real network, over loopback. */
import { createMeshNetwork } from "../../src/adapters/mesh/network.ts";
import type { Network } from "../../src/ports/network.ts";
import { freePortPair } from "../free-ports.ts";
import { networkContract } from "./network.contract.ts";
import type { NetworkWorld } from "./network-world.ts";

networkContract("frames over TLS with a pre-shared key", createWorld);

function createWorld(): NetworkWorld {
  const made: Network[] = [];
  const create = (password: string, port = 0) => {
    const network = createMeshNetwork({ password, port, listenHost: "127.0.0.1" });
    made.push(network);
    return network;
  };
  return {
    member: () => create("the swarm's password"),
    stranger: () => create("another password"),
    rival: (_network, port) => create("the swarm's password", port),
    address: (_network, port) => `127.0.0.1:${port}`,
    silentAddress,
    // .invalid never has an address (RFC 6761).
    unreachableAddress: () => "no-such-server.invalid:4243",
    run: (body) => body(),
    end: async () => void (await Promise.all(made.map((network) => network.close()))),
  };
}

/** Of nobody. */
async function silentAddress(): Promise<string> {
  const [port] = await freePortPair();
  return `127.0.0.1:${port}`;
}
