import { describe, expect, test } from "vitest";
import { isUrl, nameInUrl } from "./put-url.ts";

describe("fsdfs put URL DEST", () => {
  test("takes http and https for URLs, and everything else for a file of this machine", () => {
    expect(["http://h/a", "HTTPS://h/a"].map(isUrl)).toEqual([true, true]);
    expect(["http:/h", "httpx://h", "./http://h", "ftp://h/a", "-"].some(isUrl)).toBe(false);
  });

  test.each([
    ["http://h/music/a%20song.ogg?key=1#x", "a song.ogg"],
    ["https://h/%C3%BC", "ü"],
    ["http://h/a/../b", "b"],
  ])("finds the name in %s", (url, name) => {
    expect(nameInUrl(url)).toBe(name);
  });

  test.each(["http://h", "http://h/", "http://h/music/", "http://h/%ff", "http://["])("finds none in %s", (url) => {
    expect(() => nameInUrl(url)).toThrow("give one in DEST");
  });
});
