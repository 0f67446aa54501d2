import { errorCodes, type FastifyInstance } from "fastify";
import { parse } from "graphql";
import { BODY_BYTES, TOKENS_MOST } from "./limits.js";
import { fileCharacters } from "./variables.js";

/** Reads bodies in JSON as Fastify does, and refuses those that are too large but for the files in them. */
export function readJson(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, text: string, done) => {
    void parseJson(request, text, (error, body: unknown) => {
      const isOver = !error && Buffer.byteLength(text) > BODY_BYTES && bytesBesideFiles(text, body) > BODY_BYTES;
      done(isOver ? new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE() : error, body);
    });
  });
}

/** Files are base64 or PEM, and so take a byte for each character. */
function bytesBesideFiles(text: string, body: unknown): number {
  const bytes = Buffer.byteLength(text);
  const { query, variables } = (body ?? {}) as { readonly query?: unknown; readonly variables?: unknown };
  if (typeof query !== "string") return bytes;
  try {
    const document = parse(query, { maxTokens: TOKENS_MOST, noLocation: true });
    return bytes - fileCharacters(document, typeof variables === "object" ? (variables ?? {}) : {});
  } catch {
    return bytes; // What it is given cannot be told.
  }
}
