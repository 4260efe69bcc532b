import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { START_OPTIONS, type StartValues } from "../config.ts";
import { FsdfsError } from "../errors.ts";
import { startOptions } from "../start-options.ts";
import { inWordsOfOptions, type StartServerOptions, valuesOf } from "./options.ts";

/** Every option of `start` is one of `startServer`, and none is said twice. */
type Missing = Exclude<keyof StartValues, keyof StartServerOptions | "noDiscovery">;
const missing: readonly Missing[] = [];

function refusal(options: object): Pick<FsdfsError, "code" | "message" | "hint"> {
  try {
    const values = valuesOf(options as StartServerOptions);
    startOptions(values, { password: "p", join: [], softwareVersion: "0" });
  } catch (error) {
    const told = inWordsOfOptions(error);
    if (!(told instanceof FsdfsError)) throw error;
    return { code: told.code, message: told.message, hint: told.hint };
  }
  return expect.unreachable(`${JSON.stringify(options)} was taken`);
}

describe("the options of startServer", () => {
  test("without any are the defaults of start, but for processes and discovery", () => {
    const defaults = Object.entries(START_OPTIONS).map(([name, { parse }]) => [name, parse([])]);
    expect(valuesOf({})).toEqual({ ...Object.fromEntries(defaults), processes: 0, noDiscovery: true });
    expect(missing).toEqual([]);
  });

  test("mean what they mean on the command line, as texts or as numbers", () => {
    const values = valuesOf({
      ...{ data: "files", quota: "500G", grace: "90s", keepDeletions: "2h", reserve: "5%", pullRate: "50M" },
      ...{ join: "http://127.0.0.1:5000", cors: ["https://a.example", "*"], copies: 2, strict: true },
    });
    expect(values).toMatchObject({
      ...{ data: resolve("files"), quota: 5e11, grace: 90_000, keepDeletions: 7_200_000, reserve: 0.05, pullRate: 5e7 },
      ...{ join: [{ host: "127.0.0.1", port: 5000 }], cors: ["https://a.example", "*"], copies: 2, strict: true },
    });
    expect(valuesOf({ quota: 5e11, grace: 1500, reserve: 0.05, pullRate: 5e7, discovery: true })).toMatchObject({
      ...{ quota: 5e11, grace: 1500, reserve: 0.05, pullRate: 5e7, noDiscovery: false },
    });
  });

  test("take any free port for 0, for servers too", () => {
    const ports = (options: StartServerOptions) => {
      const { port, swarmPort } = startOptions(valuesOf(options), { password: "p", join: [], softwareVersion: "0" });
      return [port, swarmPort];
    };
    expect(ports({ port: 0 })).toEqual([0, 0]);
    expect(ports({ port: 0, swarmPort: 5000 })).toEqual([0, 5000]);
    expect(ports({ port: 5000 })).toEqual([5000, 5001]);
    expect(ports({ port: 5000, swarmPort: 0 })).toEqual([5000, 0]);
  });

  test.each([
    [{ qouta: "1G" }, "qouta is not valid: there is no such option; did you mean quota."],
    [{ noDiscovery: true }, "noDiscovery is not valid: there is no such option; did you mean discovery."],
    [{ constructor: 1 }, "constructor is not valid: there is no such option."],
    [{ quota: "lots" }, "quota is not valid: 'lots' is not a size; write 500M, 10G or 2Ti."],
    [{ quota: Number.NaN }, "quota is not valid: 'NaN' is not a size; write 500M, 10G or 2Ti."],
    [{ quota: null }, "quota is not valid: it must be a text or a number."],
    [{ grace: -1 }, "grace is not valid: '-1ms' is not a duration; write 90s, 10m or 2h."],
    [{ port: 70_000 }, "port is not valid: '70000' is not a whole number from 1 to 65535."],
    [{ data: ["a", "b"] }, "data is not valid: it takes one value."],
    [{ strict: "yes" }, "strict is not valid: it must be true or false."],
    [{ join: ["http://"] }, "join is not valid: 'http://' is not HOST or HOST:PORT."],
    [
      { policy: "export default () => 3" },
      "policy is not valid: it must be a function; a text is set by client.setPolicy.",
    ],
    [{ prefer: () => 1 }, "prefer is not valid: it needs policy as well."],
    [{ policy: () => 3, prefer: 1 }, "prefer is not valid: it must be a function."],
    [{ log: {} }, "log is not valid: it must be an object with the methods debug, info, warn, error."],
    [{ log: null }, "log is not valid: it must be an object with the methods debug, info, warn, error."],
    [{ signal: {} }, "signal is not valid: it must be an AbortSignal."],
    [{ discovery: 1 }, "discovery is not valid: it must be true or false."],
    [{ password: "p", passwordFile: "p" }, "passwordFile is not valid: the same is said by another option."],
    [{ tlsCert: "a.pem" }, "tlsCert is not valid: it needs tlsKey as well."],
    [{ port: 5000, swarmPort: 5000 }, "swarmPort is not valid: it is the same as port."],
  ])("are refused as on the command line: %j", (options, message) => {
    expect(refusal(options)).toEqual({
      code: "option-invalid",
      message,
      hint: "See: fsdfs start --help; of startServer: docs/LIBRARY.md",
    });
  });
});
