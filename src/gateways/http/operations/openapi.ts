/** GET /openapi.json: this API, for programs that make clients of it. */
import { openApi } from "../openapi.ts";
import type { Operation } from "../operation.ts";

/** @param operations asked for when they are all there */
export function openApiDocument(operations: () => readonly Operation[]): Operation {
  let document: unknown;
  return {
    methods: ["GET", "HEAD"],
    url: "/openapi.json",
    scope: "none",
    description: {
      id: "openapi",
      summary: "This document.",
      answers: { 200: { what: "an OpenAPI 3.1 document", mediaType: "application/json" } },
      errors: [],
    },
    async run({ face }) {
      document ??= openApi(operations(), face.health().softwareVersion);
      return { kind: "json", status: 200, value: document };
    },
  };
}
