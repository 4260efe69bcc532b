import { afterEach, expect, test, vi } from "vitest";
import { startServer } from "./package-node.ts";

afterEach(() => void vi.unstubAllGlobals());

test.each(["20.19.0", "24.18.3"])("on Node.js %s a server is refused, with what to do", async (version) => {
  vi.stubGlobal("process", { ...process, versions: { ...process.versions, node: version } });
  await expect(startServer()).rejects.toMatchObject({
    code: "node-too-old",
    message: `A server needs Node.js 24.19 or newer, and this is ${version}.`,
  });
});
