/**
 * What the gateway does with streams, with clients that leave and with bad input is the same when a serving process hands
 * every request on to it (gateways/http/relay.ts).
 */
import { relayEverything } from "./http-fixture.ts";

relayEverything();
await import("./http-streams.test.ts");
await import("./http-bad-input.test.ts");
