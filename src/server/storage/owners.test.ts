/** Finding out whose a file is. */
import { expect, test } from "vitest";
import { DiskWorld } from "../../../tests/storage/disk-world.ts";
import { encodeContent } from "../../core/catalog/content.ts";
import { CONTENT_FIELD } from "../../core/catalog/merge.ts";
import type { FilePath } from "../../core/paths.ts";
import { Owners } from "./owners.ts";

test("the copy that has yet to leave is found among many, and others have the event loop meanwhile", async () => {
  const world = await DiskWorld.begin();
  const paths = Array.from({ length: 500 }, (_, i) => `moved/${i}`);
  const contents = [];
  for (const path of paths) contents.push(await world.put(path, path));
  for (const path of paths) {
    const left = encodeContent({ type: "deleted", movedTo: `elsewhere/${path}` as FilePath });
    await world.catalog.change((change) => change.writePath(path as FilePath, CONTENT_FIELD, left));
  }
  let pauses = 0;
  const after = (_ms: number, callback: () => void) => {
    pauses += 1;
    queueMicrotask(callback);
    return () => {};
  };
  const owners = new Owners(world.catalog, { monotonic: () => 0, wall: () => 0, after });
  const last = (await world.disk.stat(paths.at(-1)!))!;
  expect((await owners.of(undefined, paths.at(-1)!, last))?.version).toBe(contents.at(-1)!.version);
  expect(pauses).toBe(2);
  expect(await owners.of(undefined, "a stranger", last)).toBeUndefined();
});
