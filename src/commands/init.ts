import type { Config } from "../config.js";
import { openPlatform } from "../platform.js";
import * as organizations from "../services/organization.js";

/** Makes a root organization and prints its owner token, this once. */
export async function init(config: Config, options: { organization: string; json?: boolean }): Promise<void> {
  const { platform, close } = await openPlatform(config, (line) => {
    console.error(line);
  });
  try {
    const founded = await organizations.found(platform, options.organization);
    if (options.json === true) {
      console.log(JSON.stringify(founded));
    } else {
      console.log(`Made the organization ${founded.organizationId}.`);
      console.log(`Its owner token, shown this once: ${founded.token}`);
    }
  } finally {
    await close();
  }
}
