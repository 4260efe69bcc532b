/** The docs against the code. After a change of errors.ts: npx vitest run tests/acceptance/http-docs.test.ts -u */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { ERRORS, isErrorCode } from "../../src/errors.ts";
import { OPERATIONS } from "../../src/gateways/http/routes.ts";

const api = await readFile(new URL("../../docs/API.md", import.meta.url), "utf8");

it("docs/ERRORS.md has every error of the catalogue, as it is", async () => {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, message, hint }]) => `| \`${code}\` | ${status} | ${cell(message)} | ${cell(hint)} |`,
  );
  const text = [
    "# Errors",
    "",
    "Everything that can go wrong and is told to a user, from `src/errors.ts`. Over HTTP an error is",
    '`{"error": {"code", "message", "hint"}}` under its status; the CLI prints message and hint, and exits with 1, or with',
    "2 when the command line itself makes no sense: an unknown command, a wrong number of arguments, `option-invalid`. A code keeps",
    "its meaning; message and hint are for people and may become better. What stands in braces is filled in.",
    "",
    "| code | status | what happened | what to do |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
  await expect(text).toMatchFileSnapshot("../../docs/ERRORS.md");
});

it("docs/API.md has every operation with the scope that it asks for, and no other", () => {
  const told = [...api.matchAll(/^### (.*) · (.*)$/gm)].flatMap(([, addresses = "", scope = ""]) =>
    [...addresses.matchAll(/`([A-Z]+ [^`]+)`/g)].map(([, address]) => `${address} · ${scope}`),
  );
  const there = OPERATIONS.flatMap(({ methods, url, scope }) =>
    methods.map((method) => `${method} ${documentedUrl(url)} · ${scope === "none" ? "no key" : scope}`),
  );
  // HEAD is told of once, for files; elsewhere it is what HTTP says it is.
  const isToldOf = (address: string) => !address.startsWith("HEAD") || address.includes("/files/{path}");
  expect(told.sort()).toEqual(there.filter(isToldOf).sort());
});

it("docs/API.md names no error that the catalogue lacks", () => {
  const named = [...api.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g)].map(([, code = ""]) => code);
  const headers = ["fsdfs-version", "fsdfs-copies", "fsdfs-request-id", "fsdfs-local"];
  expect(
    named.filter((code) => !isErrorCode(code) && !headers.includes(code) && !code.startsWith("fsdfs-sha")),
  ).toEqual([]);
  expect(named.filter(isErrorCode).length).toBeGreaterThan(25);
});

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function documentedUrl(url: string): string {
  return url
    .replace(/^\/files\/-\/$/, "/files/{dir}/")
    .replace(/\/-$/, "/{path}")
    .replace(":id", "{id}");
}
