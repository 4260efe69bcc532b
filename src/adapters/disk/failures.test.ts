import { expect, it } from "vitest";
import { failureOf } from "./failures.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it failed`), { code, errno: -1 });
}

it.each(["EMFILE", "ENFILE", "ENOMEM"])("%s is no failure of the disk, which would be taken for ailing", (code) => {
  expect(failureOf(systemError(code), "a")).toMatchObject({ code: "busy" });
});

it("what is not known may be the disk's", () => {
  expect(failureOf(systemError("ENODEV"), "a")).toMatchObject({ code: "io" });
});

it("what is no failed call of the system is left as it is", () => {
  const bug = new TypeError("a bug");
  expect(failureOf(bug, "a")).toBe(bug);
});
