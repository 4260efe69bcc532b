/** Servers that were told nothing but the password find each other, on machines without a default route. */
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Namespace, Namespaces, namespacesAvailable } from "./namespaces.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const NODE = resolve(ROOT, "node_modules/.bin/node");
const PROGRAM = resolve(import.meta.dirname, "discovery-process.ts");

describe.runIf(namespacesAvailable())("discovery in network namespaces", () => {
  let namespaces: Namespaces;
  beforeEach(() => {
    namespaces = new Namespaces();
  });
  afterEach(() => namespaces.remove());

  it("lets two servers meet over a cable, without a default route", async () => {
    const a = await namespaces.add("a");
    const b = await namespaces.add("b");
    await namespaces.cable(a, "10.91.0.1/24", b, "10.91.0.2/24");
    const one = start(a, "one", "secret");
    const two = start(b, "two", "secret");
    await one.says("met two at 10.91.0.2:4243");
    await two.says("met one at 10.91.0.1:4243");
  });

  it("lets a server meet those on each of its two networks", async () => {
    const left = await namespaces.add("l");
    const middle = await namespaces.add("m");
    const right = await namespaces.add("r");
    await namespaces.cable(left, "10.91.1.1/24", middle, "10.91.1.2/24");
    await namespaces.cable(middle, "10.91.2.2/24", right, "10.91.2.1/24");
    const lefts = start(left, "left", "secret");
    const rights = start(right, "right", "secret");
    const both = start(middle, "middle", "secret");
    await both.says("met left at 10.91.1.1:4243");
    await both.says("met right at 10.91.2.1:4243");
    await lefts.says("met middle at 10.91.1.2:4243");
    await rights.says("met middle at 10.91.2.2:4243");
    expect(lefts.output()).not.toContain("right");
  });

  it("uses a network that comes after the start, even without a loopback before", async () => {
    const a = await namespaces.add("a", { loopback: false });
    const b = await namespaces.add("b", { loopback: false });
    const one = start(a, "one", "secret");
    const two = start(b, "two", "secret");
    await Promise.all([one.says("ready"), two.says("ready")]);
    await namespaces.cable(a, "10.91.3.1/24", b, "10.91.3.2/24");
    await Promise.all([one.says("met two at 10.91.3.2:4243"), two.says("met one at 10.91.3.1:4243")]);
  });

  it("a server with another password is found and told so on both sides, and never met", async () => {
    const a = await namespaces.add("a");
    const b = await namespaces.add("b");
    await namespaces.cable(a, "10.91.4.1/24", b, "10.91.4.2/24");
    const one = start(a, "one", "secret");
    const two = start(b, "two", "another");
    await one.says("refused by 10.91.4.2:4243: wrong-password");
    await two.says("refused by 10.91.4.1:4243: wrong-password");
    await one.says("turned away 10.91.4.2");
    await two.says("turned away 10.91.4.1");
    expect(one.output() + two.output()).not.toContain("met");
  });
});

/** Starts the program; `says` resolves when it has printed the line, and rejects when it ends before. */
function start(namespace: Namespace, name: string, password: string) {
  const child = namespace.start([NODE, PROGRAM, name, "4243", password]);
  let output = "";
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const check of waiting) check();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      changed();
    });
  }
  let ended = false;
  child.once("exit", () => {
    ended = true;
    changed();
  });
  const says = (line: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (output.includes(`${line}\n`)) resolve();
        else if (ended) reject(new Error(`ended without saying "${line}":\n${output}`));
        else return;
        waiting.delete(check);
      };
      waiting.add(check);
      check();
    });
  return { says, output: () => output };
}
