import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockDirectory } from "./lock.ts";

const TRY = `
  const { lockDirectory } = await import(process.argv[1]);
  await lockDirectory(process.argv[2]).then(() => console.log("locked"), (error) => console.log(error.code));`;
const MODULE = join(import.meta.dirname, "lock.ts");

describe("locking a directory", () => {
  let directory: string;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), "fsdfs-lock-")), "state");
  });

  afterEach(() => {
    rmSync(join(directory, ".."), { recursive: true });
  });

  /** What a second process is told, and what it prints as errors. */
  async function tryElsewhere(): Promise<[string, string]> {
    const options = ["--input-type=module", "-e", TRY, MODULE, directory];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, options);
    return [stdout.trim(), stderr];
  }

  async function lockElsewhere(): Promise<ChildProcess> {
    const script = `${TRY} setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, MODULE, directory]);
    const [answer] = await once(child.stdout, "data");
    expect(String(answer).trim()).toBe("locked");
    return child;
  }

  it("refuses a second lock in the same process, until the first is let go", async () => {
    const unlock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({ name: "FsdfsError", code: "data-in-use" });
    await unlock();
    await unlock();
    await (await lockDirectory(directory))();
  });

  it("refuses a second process, until the first lets go, and prints no warning", async () => {
    const unlock = await lockDirectory(directory);
    expect(await tryElsewhere()).toEqual(["data-in-use", ""]);
    await unlock();
    expect(await tryElsewhere()).toEqual(["locked", ""]);
  });

  it("does not outlive a process that is killed", async () => {
    const child = await lockElsewhere();
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "data-in-use" });
    child.kill("SIGKILL");
    await once(child, "exit");
    await (await lockDirectory(directory))();
  });

  it("leaves an empty file and nothing else", async () => {
    const unlock = await lockDirectory(directory);
    expect(readdirSync(directory)).toEqual(["lock"]);
    await unlock();
    expect(readdirSync(directory)).toEqual(["lock"]);
  });

  it("tells that there can be no lock, without naming a place on the disk", async () => {
    const parent = join(directory, "..");
    writeFileSync(join(parent, "file"), "");
    const failing = lockDirectory(join(parent, "file"));
    await expect(failing).rejects.toMatchObject({ code: "data-not-writable" });
    await expect(failing).rejects.not.toThrow(parent);
  });
});
