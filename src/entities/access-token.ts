import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { describedEnum } from "./enum.js";
import { Node, TenantRow } from "./node.js";

/** What a viewer may do in a tenant, each with its description for API users. */
export const PERMISSIONS = {
  TENANT_MANAGE: "Rename; at the root also create, rename and delete sub-organizations.",
  MEMBERS_MANAGE: "See, add, change and remove members.",
  TOKENS_MANAGE: "See, create and revoke access tokens.",
  CREDENTIALS_VIEW: "See keys and how they are shared.",
  CREDENTIALS_MANAGE: "Add, rename, rotate, verify and delete keys.",
  CREDENTIALS_SHARE: "Root only: share and unshare keys, certificates and profiles.",
  SIGNING_VIEW: "See certificates, profiles, devices and bundle ids, at Apple too.",
  SIGNING_MANAGE: "Create, upload, renew, keep and delete certificates and profiles; devices and bundle ids.",
  SIGNING_REVOKE: "Revoke certificates at Apple.",
  SIGNING_DOWNLOAD: "Download certificates with their private key, and profiles.",
  PUBLISH_VIEW: "See apps, builds and submissions.",
  PUBLISH_MANAGE: "Publish.",
  AUDIT_VIEW: "Read the audit log.",
} as const;

export type Permission = keyof typeof PERMISSIONS;

/** The permissions as an enum of the graph, in the order of the contract. */
export const Permission = describedEnum(
  "Permission",
  "What a viewer may do in a tenant. A token is limited to a list of these; a role stands for a set.",
  PERMISSIONS,
);

/** A machine identity, bound to one tenant. Of the token itself only the SHA-256 is stored. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A machine identity: admin scripts and partner integrations.",
})
@Entity()
export class AccessToken extends TenantRow {
  @Column("text")
  tenantId!: string;

  @Field(() => String, { description: "What it is for, as its maker wrote it." })
  @Column("text")
  name!: string;

  @Field(() => String, {
    description: "First characters, to tell tokens apart; the token itself is shown once, when it is made.",
  })
  @Column("text")
  preview!: string;

  /** SHA-256 of the token. Never a @Field. */
  @Column("bytea", { select: false })
  tokenHash!: Buffer;

  @Field(() => [Permission], {
    description: "What it may do in its tenant, and at the root in every sub-organization.",
  })
  @Column("text", { array: true })
  permissions!: Permission[];

  /** True for the token that is printed when the organization is made: it alone of all tokens makes owners. */
  @Column("boolean", { default: false })
  isOwner!: boolean;

  @Field(() => GraphQLDateTime, { description: "From then on it is refused." })
  @Column("timestamptz")
  expiresAt!: Date;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When it last asked, to the minute; null where it never did.",
  })
  @Column("timestamptz", { nullable: true })
  lastUsedAt!: Date | null;

  @Field(() => GraphQLDateTime, { description: "When it was made." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
