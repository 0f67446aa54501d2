import type { AppleClient } from "./client.js";
import { only, related, required, text, type AppleDocument, type AppleResource } from "./document.js";
import { PAGE_ROWS } from "./listing.js";
import type { Authorization } from "./signer.js";

export const BUNDLE_ID_FIELDS = ["identifier", "name", "platform"];
/** Included rows of one relationship: Apple's most. */
export const INCLUDED_ROWS = 50;
const CAPABILITIES = "bundleIdCapabilities";

/** A bundle id (App ID) of a team. */
export interface BundleIdAtApple {
  readonly appleId: string;
  readonly identifier: string;
  readonly name: string;
  readonly platform: string;
  /** Empty where they were not asked for. */
  readonly capabilities: readonly string[];
}

/** Reads a bundle id out of a document. */
export function bundleIdOf(resource: AppleResource, capabilities: readonly AppleResource[] = []): BundleIdAtApple {
  return {
    appleId: resource.id,
    identifier: text(resource, "identifier") ?? "",
    name: text(resource, "name") ?? "",
    platform: text(resource, "platform") ?? "",
    capabilities: capabilities.map((found) => text(found, "capabilityType") ?? ""),
  };
}

/** All bundle ids of a key's team, with their capabilities. Throws AppleError. */
export async function list(client: AppleClient, authorization: Authorization): Promise<BundleIdAtApple[]> {
  const { data, included } = await client.all(authorization, "/v1/bundleIds", {
    limit: PAGE_ROWS,
    "fields[bundleIds]": [...BUNDLE_ID_FIELDS, CAPABILITIES],
    include: [CAPABILITIES],
    [`limit[${CAPABILITIES}]`]: INCLUDED_ROWS,
  });
  return Promise.all(
    data.map(async (resource) => bundleIdOf(resource, await capabilitiesOf(client, authorization, resource, included))),
  );
}

/** The bundle ids whose identifier is exactly this: at Apple the filter finds every identifier that contains it. Throws AppleError. */
export async function find(
  client: AppleClient,
  authorization: Authorization,
  identifier: string,
): Promise<BundleIdAtApple | null> {
  const { data } = await client.all(authorization, "/v1/bundleIds", {
    limit: PAGE_ROWS,
    "filter[identifier]": identifier,
    "fields[bundleIds]": BUNDLE_ID_FIELDS,
  });
  return data.map((resource) => bundleIdOf(resource)).find((found) => found.identifier === identifier) ?? null;
}

/** Registers a bundle id. Throws AppleError. */
export async function register(
  client: AppleClient,
  authorization: Authorization,
  attributes: { readonly identifier: string; readonly name: string; readonly platform: string },
): Promise<BundleIdAtApple> {
  const body = { data: { type: "bundleIds", attributes } };
  return only(await client.change(authorization, "POST", "/v1/bundleIds", body), (resource) => ({
    ...bundleIdOf(resource),
    identifier: required(resource, "identifier"),
  }));
}

/** Gives a bundle id a capability. Throws AppleError. */
export async function enable(
  client: AppleClient,
  authorization: Authorization,
  bundleId: string,
  capabilityType: string,
): Promise<void> {
  await client.change(authorization, "POST", "/v1/bundleIdCapabilities", {
    data: {
      type: CAPABILITIES,
      attributes: { capabilityType },
      relationships: { bundleId: { data: { type: "bundleIds", id: bundleId } } },
    },
  });
}

/** Apple includes 50 at most: a bundle id that has more is asked for its own list. Apple takes no limit there. */
async function capabilitiesOf(
  client: AppleClient,
  authorization: Authorization,
  bundleId: AppleResource,
  included: AppleDocument["included"],
): Promise<readonly AppleResource[]> {
  const { ids, total } = related(bundleId, CAPABILITIES);
  const found = ids.flatMap((id) => included.get(`${CAPABILITIES}:${id}`) ?? []);
  if (found.length >= total) return found;
  return (await client.all(authorization, `/v1/bundleIds/${encodeURIComponent(bundleId.id)}/${CAPABILITIES}`)).data;
}

/** The capabilities of one bundle id. Throws AppleError. */
export async function capabilities(
  client: AppleClient,
  authorization: Authorization,
  bundleId: string,
): Promise<string[]> {
  const path = `/v1/bundleIds/${encodeURIComponent(bundleId)}/${CAPABILITIES}`;
  return (await client.all(authorization, path)).data.map((found) => text(found, "capabilityType") ?? "");
}
