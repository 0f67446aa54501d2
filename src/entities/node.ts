import { Field, ID, InterfaceType } from "type-graphql";
import { PrimaryColumn } from "typeorm";
import { ID_PREFIXES, type IdKind } from "../ids.js";

const TYPE_NAMES: Partial<Record<IdKind, string>> = {
  organization: "Organization",
  subOrganization: "SubOrganization",
  member: "Member",
  accessToken: "AccessToken",
  credential: "Credential",
  share: "Share",
  driftEvent: "DriftEvent",
  certificate: "Certificate",
  signingRequest: "SigningRequest",
  auditEvent: "AuditEvent",
  provisioningProfile: "ProvisioningProfile",
  user: "User",
};

const TYPE_NAME_BY_PREFIX = new Map(
  Object.entries(TYPE_NAMES).map(([kind, name]) => [ID_PREFIXES[kind as IdKind] as string, name]),
);

/** The GraphQL type that a stored thing has: the prefix of its id says so. */
export const typeNameOf = ({ id }: { id: string }): string | undefined =>
  TYPE_NAME_BY_PREFIX.get(id.slice(0, id.indexOf("_")));

/** Anything with an id that can be asked for again. */
@InterfaceType({
  description: "Anything with an id of its own: `node(id)` finds it again.",
  resolveType: typeNameOf,
})
export abstract class Node {
  @Field(() => ID, {
    description: "Prefixed and sortable by the time it was made, such as `cred_01h455vb4pex5vsknk084sn02q`.",
  })
  @PrimaryColumn("text")
  id!: string;
}

/** A row of an organization. `rootId` is the root organization it belongs to, and leads every key. */
export abstract class TenantRow extends Node {
  @PrimaryColumn("text")
  rootId!: string;
}
