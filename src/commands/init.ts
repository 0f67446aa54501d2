import type { Config } from "../config.js";
import type { Platform } from "../context.js";
import { openPlatform } from "../platform.js";
import * as organizations from "../services/organization.js";

/** Makes a root organization and prints its owner token, this once. */
export function init(config: Config, options: { organization: string; json?: boolean }): Promise<void> {
  return printOwnerToken(config, options, (platform) => organizations.found(platform, options.organization));
}

/** Makes another owner token of an organization, where the last was lost or has ended. */
export function ownerToken(config: Config, options: { organization: string; json?: boolean }): Promise<void> {
  return printOwnerToken(config, options, (platform) => organizations.makeOwnerToken(platform, options.organization));
}

async function printOwnerToken(
  config: Config,
  options: { json?: boolean },
  make: (platform: Platform) => Promise<organizations.Founded>,
): Promise<void> {
  const { platform, close } = await openPlatform(config, (line) => {
    console.error(line);
  });
  try {
    const founded = await make(platform);
    if (options.json === true) {
      console.log(JSON.stringify(founded));
    } else {
      console.log(`Organization: ${founded.organizationId}`);
      console.log(`Owner token, shown this once: ${founded.token}`);
    }
  } finally {
    await close();
  }
}
