/** POST /heat: how much files are read. */
import { z } from "zod";
import { check, type Operation, pathSchema } from "../operation.ts";
import { heats } from "../schemas.ts";

const bodySchema = z.strictObject({
  paths: z.array(pathSchema, "not a list of paths").max(1_000, "more than 1,000 paths"),
});

export const heat: Operation = {
  methods: ["POST"],
  url: "/heat",
  scope: "read",
  description: {
    id: "heat",
    summary: "How much files are read.",
    body: { kind: "json", schema: bodySchema },
    answers: { 200: { what: "for each path in order; null where there is no file", schema: heats } },
    errors: ["path-invalid"],
  },
  async run({ face, json }) {
    const { paths } = check(bodySchema, await json());
    const found = await face.heat(paths);
    const files = paths.map((path, i) => (found[i] === undefined ? null : { path, heat: found[i] }));
    return { kind: "json", status: 200, value: { files } };
  },
};
