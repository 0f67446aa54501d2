import type { Config } from "../config.js";
import { openPlatform } from "../platform.js";
import { startServer } from "../server.js";
import * as organizations from "../services/organization.js";
import { endWithin, untilStopped } from "./signal.js";

/** The organization that the first start makes; its owner renames it. */
const FIRST_ORGANIZATION = "My organization";

/** Time for the last requests to be answered and for what runs by itself to end, once no more requests are taken. */
const END_SECONDS = 25;

/** Serves until SIGINT or SIGTERM. On an empty database it makes the root organization and prints its owner token once. */
export async function serve(config: Config): Promise<void> {
  const stopped = untilStopped(); // From now on, so that a signal during the start ends it in order too.
  const { platform, close } = await openPlatform(config, (line) => {
    console.error(line);
  });
  try {
    const founded = await organizations.foundFirst(platform, FIRST_ORGANIZATION);
    if (founded !== null) {
      console.log(`Made the organization "${FIRST_ORGANIZATION}" (${founded.organizationId}).`);
      console.log(`Its owner token, shown this once: ${founded.token}`);
    }
    const server = await startServer(platform, config);
    console.log(`Countersign is listening at ${server.url}/graphql`);
    if (config.introspection) console.log(`The explorer is at ${server.url}/explorer`);
    await stopped;
    endWithin(config.drainSeconds + END_SECONDS);
    await server.close(config.drainSeconds * 1000);
  } finally {
    await close();
  }
}
