import { catalogueOf, type Catalogue } from "../api/catalogue.js";
import type { Answer } from "../api/answer.js";
import { find, one } from "../api/document.js";
import { readQuery } from "../api/query.js";
import { pathOf, type Asked, type Route } from "../api/route.js";
import type { AnyStored, Program, ResourceType } from "../team/team.js";
import * as bundleIds from "./bundle-id.js";
import * as capabilities from "./bundle-id-capability.js";
import * as certificates from "./certificate.js";
import * as devices from "./device.js";
import { readEntity, type Entity, type Shape } from "./entity.js";
import * as profiles from "./profile.js";

/** Every route of a program that changes something. */
export function writesOf(program: Program): readonly Route[] {
  const catalogue = catalogueOf(program);
  return [
    post(catalogue, devices.creation(catalogue), devices.register),
    patch(catalogue, devices.UPDATE, devices.update),
    post(catalogue, bundleIds.creation(catalogue), bundleIds.register),
    patch(catalogue, bundleIds.UPDATE, bundleIds.update),
    remove(catalogue, "bundleIds", bundleIds.remove),
    post(catalogue, capabilities.CREATION, capabilities.enable),
    remove(catalogue, "bundleIdCapabilities", capabilities.disable),
    post(catalogue, certificates.creation(catalogue), certificates.create),
    remove(catalogue, "certificates", certificates.revoke),
    post(catalogue, profiles.creation(catalogue), profiles.create),
    remove(catalogue, "profiles", profiles.remove),
  ];
}

/** Answers 201 with what was made. `links.self` is the collection, as observed; where the new thing is says `Location`. */
function post(
  catalogue: Catalogue,
  shape: Shape,
  make: (asked: Asked, entity: Entity) => AnyStored | Promise<AnyStored>,
): Route {
  return row("POST", catalogue, shape.type, async (asked) => {
    const made = await make(asked, readEntity(asked.contentType, asked.body, shape));
    const shown = await show(asked, shape.type, made);
    return { ...shown, status: 201, headers: { location: `${asked.url.origin}/v1/${shape.type}/${made.id}` } };
  });
}

/** Answers 200 with what became of the thing. */
function patch(
  catalogue: Catalogue,
  shape: Shape,
  change: (asked: Asked, stored: AnyStored, entity: Entity) => AnyStored,
): Route {
  return row("PATCH", catalogue, shape.type, (asked, id) => {
    const stored = find(asked, catalogue[shape.type], id);
    return show(asked, shape.type, change(asked, stored, readEntity(asked.contentType, asked.body, shape, id)));
  });
}

/** Answers 204 with nothing. */
function remove(catalogue: Catalogue, type: ResourceType, drop: (asked: Asked, stored: AnyStored) => void): Route {
  return row("DELETE", catalogue, type, (asked, id) => {
    drop(asked, find(asked, catalogue[type], id));
    return { status: 204, headers: {}, body: "" };
  });
}

function row(method: string, catalogue: Catalogue, type: ResourceType, answer: Route["answer"]): Route {
  const { provisioning } = catalogue[type];
  const path = pathOf(method === "POST" ? `/v1/${type}` : `/v1/${type}/{id}`);
  return {
    method,
    path,
    provisioning,
    answer: (asked, id) => {
      readNoQuery(asked, type);
      return answer(asked, id);
    },
  };
}

function show(asked: Asked, type: ResourceType, stored: AnyStored): Promise<Answer> {
  return one(asked, asked.catalogue[type], stored, readNoQuery(asked, type));
}

/** Writes take no parameters. */
function readNoQuery({ catalogue, url }: Asked, type: ResourceType) {
  return readQuery(url.searchParams, { catalogue, resource: catalogue[type], kind: "linkage", many: false });
}
