/** The composition under test: the one that `main.ts` starts, over simulated ports. */
import { FsdfsServer } from "../../src/server/fsdfs-server.ts";
import type { Compose } from "./machine.ts";

export const composeServer: Compose = (ports, options) => new FsdfsServer(ports, options);
