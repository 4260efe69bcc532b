import { availableParallelism, hostname } from "node:os";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { START_OPTIONS } from "./config.ts";
import { parseJoin } from "./config-values.ts";
import { parseOptions } from "./options.ts";
import { startOptions } from "./start-options.ts";

const RESOLVED = { password: "secret", join: ["a:4243"], softwareVersion: "1.0.0" };
const start = (args: string[], environment = {}) =>
  startOptions(parseOptions(START_OPTIONS, args, environment).values, RESOLVED);

describe("the options of start", () => {
  test("without any, a server has the documented defaults", () => {
    expect(start([])).toEqual({
      ...RESOLVED,
      data: resolve("fsdfs-data"),
      state: undefined,
      port: 4242,
      httpPort: 4242,
      swarmPort: 4243,
      listen: undefined,
      tls: undefined,
      secure: false,
      discovery: true,
      processes: availableParallelism() - 1,
      cors: [],
      fetchPrivate: false,
      logLevel: "info",
      name: hostname(),
      zone: undefined,
      url: undefined,
      quotaBytes: undefined,
      reserve: 0.02,
      copies: undefined,
      writeCopies: undefined,
      graceMs: 600_000,
      deletionsKeptMs: 24 * 3_600_000,
      scrubMs: 30 * 24 * 3_600_000,
      trashKeptMs: 7 * 24 * 3_600_000,
      pulls: undefined,
      pullRate: undefined,
      serveRate: undefined,
      strict: false,
      redirect: "auto",
      publicRead: false,
      asNew: false,
      bandwidth: undefined,
    });
  });

  test("each one arrives where it is meant", () => {
    const args =
      "--data /d --state /s --port 5000 --swarm-port 6000 --listen 127.0.0.1 --quota 10G --reserve 0.1 --copies 4 --write-copies 3 --grace 1h --pulls 8 --pull-rate 50M/s --serve-rate 1Gi --bandwidth 1G --strict --name n --zone z --url https://x.org/ --redirect never --public-read --no-discovery --fetch-private --cors https://a.example --cors * --tls-cert /c --tls-key /k --new --log-level debug";
    expect(start(args.split(" "))).toMatchObject({
      data: "/d",
      state: "/s",
      httpPort: 5000,
      swarmPort: 6000,
      listen: "127.0.0.1",
      quotaBytes: 10e9,
      reserve: 0.1,
      copies: 4,
      writeCopies: 3,
      graceMs: 3_600_000,
      deletionsKeptMs: 24 * 3_600_000,
      scrubMs: 30 * 24 * 3_600_000,
      trashKeptMs: 7 * 24 * 3_600_000,
      pulls: 8,
      pullRate: 50e6,
      serveRate: 1024 ** 3,
      bandwidth: 1e9,
      strict: true,
      name: "n",
      zone: "z",
      url: "https://x.org",
      redirect: "never",
      publicRead: true,
      discovery: false,
      cors: ["https://a.example", "*"],
      fetchPrivate: true,
      tls: { cert: "/c", key: "/k" },
      secure: true,
      asNew: true,
      logLevel: "debug",
    });
  });

  test("every option but --new can come from the environment, under a name made from its flag", () => {
    for (const each of Object.values(START_OPTIONS)) {
      const env = each.flag === "new" ? undefined : `FSDFS_${each.flag.toUpperCase().replaceAll("-", "_")}`;
      expect(each.env).toBe(env);
    }
  });

  test.each([
    ["--port 0", "--port"],
    ["--port 65535", "--swarm-port"],
    ["--port 5 --swarm-port 5", "--swarm-port"],
    ["--listen example.org", "--listen"],
    ["--join http://", "--join"],
    ["--join a:99999", "--join"],
    ["--quota lots", "--quota"],
    ["--reserve 60%", "--reserve"],
    ["--copies 0", "--copies"],
    ["--write-copies 1.5", "--write-copies"],
    ["--grace 10", "--grace"],
    ["--name=", "--name"],
    ["--url ftp://x", "--url"],
    ["--redirect sometimes", "--redirect"],
    ["--log-level loud", "--log-level"],
    ["--password=", "--password"],
    ["--password=two\nlines", "--password"],
    ["--password=returned\r", "--password"],
  ])("'%s' is refused, naming %s", (args, option) => {
    expect(() => start(args.split(" "))).toThrow(option);
  });

  test("--join takes what a browser would use", () => {
    expect(parseJoin("music.lan")).toEqual({ host: "music.lan", port: 4242 });
    expect(parseJoin("10.0.0.7:5000")).toEqual({ host: "10.0.0.7", port: 5000 });
    expect(parseJoin("http://10.0.0.7:5000/")).toEqual({ host: "10.0.0.7", port: 5000 });
    expect(parseJoin("[fe80::1]:5000")).toEqual({ host: "[fe80::1]", port: 5000 });
    expect(parseJoin("::1")).toEqual({ host: "[::1]", port: 4242 });
  });
});
