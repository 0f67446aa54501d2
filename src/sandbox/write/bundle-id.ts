import type { Catalogue } from "../api/catalogue.js";
import type { Asked } from "../api/route.js";
import { opaqueId } from "../team/seed.js";
import type { AnyStored } from "../team/team.js";
import type { Entity, Shape } from "./entity.js";
import { invalidate } from "./profile.js";
import { conflict, invalidAttribute } from "./refusal.js";

/** What `POST /v1/bundleIds` takes. */
export function creation({ bundleIds }: Catalogue): Shape {
  const oneOf = bundleIds.filters["platform"] ?? [];
  return {
    type: "bundleIds",
    attributes: {
      name: { required: true },
      platform: { required: true, oneOf },
      identifier: { required: true },
      seedId: {},
    },
  };
}

/** What `PATCH /v1/bundleIds/{id}` takes. */
export const UPDATE: Shape = { type: "bundleIds", attributes: { name: {} } };

/** Letters, digits, hyphens and periods; a star only as the whole last part. */
const IDENTIFIER = /^([A-Za-z0-9-]+\.)*([A-Za-z0-9-]+|\*)$/;

/** Registers an App ID. At Apple no two teams may have one identifier; here each team is alone. */
export function register({ team, edit, settings }: Asked, entity: Entity): AnyStored {
  const identifier = entity.text("identifier");
  if (!IDENTIFIER.test(identifier)) {
    throw invalidAttribute(`The identifier '${identifier}' has invalid characters.`, "identifier");
  }
  if (team.bundleIds.some(({ attributes }) => attributes.identifier === identifier)) {
    throw invalidAttribute(
      `An App ID with Identifier '${identifier}' is not available. Please enter a different string.`,
    );
  }
  const platform = entity.text("platform");
  return edit.add("bundleIds", {
    id: opaqueId(),
    attributes: {
      name: entity.text("name"),
      identifier,
      platform: platform === "IOS" && settings.universalBundleIds ? "UNIVERSAL" : platform,
      seedId: entity.maybeText("seedId") ?? team.id,
    },
    relationships: {},
  });
}

/** Renames an App ID. */
export function update({ edit }: Asked, bundleId: AnyStored, entity: Entity): AnyStored {
  const name = entity.maybeText("name");
  return edit.change("bundleIds", bundleId, { ...(name !== undefined && { name }) });
}

/** Deletes an App ID that no app uses, and what hangs on it; its profiles become invalid. */
export function remove(asked: Asked, bundleId: AnyStored): void {
  const { team, edit } = asked;
  if (team.apps.some(({ relationships }) => relationships.bundleId === bundleId.id)) {
    throw conflict("The bundle cannot be deleted.");
  }
  invalidate(asked, ({ relationships }) => relationships.bundleId === bundleId.id);
  for (const capability of team.bundleIdCapabilities.filter(
    ({ relationships }) => relationships.bundleId === bundleId.id,
  )) {
    edit.remove("bundleIdCapabilities", capability);
  }
  edit.remove("bundleIds", bundleId);
}
