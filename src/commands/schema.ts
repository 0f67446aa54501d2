import { writeFile } from "node:fs/promises";
import { makeSchema, printSdl } from "../schema.js";

/** Where the emitted SDL is kept. */
const SDL_FILE = "schema/schema.graphql";

/** Writes the graph's SDL; a test fails where it is stale. */
export async function emitSchema(): Promise<void> {
  await writeFile(SDL_FILE, printSdl(await makeSchema()));
  console.log(`Wrote ${SDL_FILE}`);
}
