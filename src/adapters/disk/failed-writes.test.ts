/** What a file whose disk has failed still uses: a descriptor that is given away too soon is another file's (P4). */
import { fstatSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { WritableDiskFile } from "./files.ts";

test("a write has not failed before all that it has asked of the system is back", async () => {
  const events: string[] = [];
  const large = Promise.withResolvers<number>();
  const calls = [
    async (): Promise<number> => {
      throw Object.assign(new Error("no space"), { code: "ENOSPC", errno: -28 });
    },
    () => large.promise.finally(() => events.push("the large piece is back")),
  ];
  const descriptor = openSync("/dev/null", "w");
  const file = new WritableDiskFile(descriptor, "staged", 0, () => calls.shift()!());
  await file.write(new Uint8Array(100));
  const failed = file.write(new Uint8Array(100_000)).catch(async (error: unknown) => {
    events.push("it has failed");
    await file.close();
    throw error;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(() => fstatSync(descriptor)).not.toThrow();
  large.resolve(100_000);
  await expect(failed).rejects.toMatchObject({ code: "no-space" });
  expect(events).toEqual(["the large piece is back", "it has failed"]);
  expect(() => fstatSync(descriptor)).toThrow("EBADF");
});
