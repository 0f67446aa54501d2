import { PAGE_ROWS } from "./certificate.js";
import type { AppleClient } from "./client.js";
import { related, text, type AppleDocument, type AppleResource } from "./document.js";
import type { Authorization } from "./signer.js";

export const BUNDLE_ID_FIELDS = ["identifier", "name", "platform"];
/** Included rows of one relationship: Apple's most. */
export const INCLUDED_ROWS = 50;

/** A bundle id (App ID) of a team. */
export interface AppleBundleId {
  readonly appleId: string;
  readonly identifier: string;
  readonly name: string;
  readonly platform: string;
  /** Empty where they were not asked for. */
  readonly capabilities: readonly string[];
}

/** Reads a bundle id out of a document. */
export function bundleIdOf(resource: AppleResource, included: AppleDocument["included"] = new Map()): AppleBundleId {
  return {
    appleId: resource.id,
    identifier: text(resource, "identifier") ?? "",
    name: text(resource, "name") ?? "",
    platform: text(resource, "platform") ?? "",
    capabilities: related(resource, "bundleIdCapabilities", included).found.map(
      (found) => text(found, "capabilityType") ?? "",
    ),
  };
}

/** All bundle ids of a key's team; with their capabilities when `withCapabilities`. Throws AppleError. */
export async function list(
  client: AppleClient,
  authorization: Authorization,
  withCapabilities: boolean,
): Promise<AppleBundleId[]> {
  const bundleIds: AppleBundleId[] = [];
  const query = withCapabilities
    ? {
        limit: PAGE_ROWS,
        "fields[bundleIds]": [...BUNDLE_ID_FIELDS, "bundleIdCapabilities"],
        include: ["bundleIdCapabilities"],
        "limit[bundleIdCapabilities]": INCLUDED_ROWS,
      }
    : { limit: PAGE_ROWS, "fields[bundleIds]": BUNDLE_ID_FIELDS };
  for await (const { data, included } of client.pages(authorization, "/v1/bundleIds", query)) {
    bundleIds.push(...data.map((resource) => bundleIdOf(resource, included)));
  }
  return bundleIds;
}
