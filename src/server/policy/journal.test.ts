import { expect, test } from "vitest";
import type { Log } from "../../ports/log.ts";
import { Journal } from "./journal.ts";

const problemOf = (message: string) => ({ message, stack: "" });

function journalWithLog() {
  const warned: string[] = [];
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (_, fields) => void warned.push(String(fields?.problem)),
    error: () => undefined,
  };
  const clock = { wallMs: 0 };
  return { clock, warned, journal: new Journal({ wall: () => clock.wallMs }, log) };
}

test("a problem is told once under a policy, also when the clock is set back", () => {
  const { clock, warned, journal } = journalWithLog();
  const since = clock.wallMs;
  for (let pass = 0; pass < 3; pass++) {
    clock.wallMs = since - 3_600_000;
    journal.problem(problemOf("no genre"), "a.ogg", since);
  }
  expect(warned).toEqual(["no genre"]);
  journal.problem(problemOf("no genre"), "a.ogg", since + 1);
  expect(warned).toEqual(["no genre", "no genre"]);
});

test("of problems that are another for each file some are told, and what concerns all files is so always", () => {
  const { clock, warned, journal } = journalWithLog();
  const since = clock.wallMs;
  for (let pass = 0; pass < 3; pass++) {
    for (let file = 0; file < 1000; file++) journal.problem(problemOf(`no genre of ${file}`), `${file}`, since);
  }
  expect(warned.length).toBe(50);
  journal.problem(problemOf("it took longer than 5 s"), null, since);
  expect(journal.entries.at(-1)?.message).toBe("it took longer than 5 s");
});
