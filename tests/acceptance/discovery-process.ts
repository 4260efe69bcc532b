/**
 * A program for discovery.test.ts: listens as a server does, looks for others, calls each it finds, and prints a line
 * of what came of it. Arguments: its name, its swarm port, its password.
 */
import { createMdnsDiscovery } from "../../src/adapters/mdns/discovery.ts";
import { createMeshNetwork } from "../../src/adapters/mesh/network.ts";
import { createLog } from "../../src/adapters/system/log.ts";
import { NetworkError } from "../../src/ports/network.ts";

const [name = "", port = "", password = ""] = process.argv.slice(2);

const network = createMeshNetwork({
  password,
  port: Number(port),
  onRefused: (address) => console.log(`turned away ${address}`),
});
const swarmPort = await network.listen(async () => ({ head: new TextEncoder().encode(name) }));
const discovery = createMdnsDiscovery({ log: createLog({ level: "warn", pretty: true }) });
await discovery.start(swarmPort, (address) => void meet(address));
console.log("ready");

async function meet(address: string): Promise<void> {
  try {
    const connection = await network.connect(address, "control");
    const { head } = await connection.request({ method: "name", head: new Uint8Array(0), timeoutMs: 10_000 });
    console.log(`met ${new TextDecoder().decode(head)} at ${address}`);
    connection.close();
  } catch (error) {
    console.log(`refused by ${address}: ${error instanceof NetworkError ? error.code : String(error)}`);
  }
}
