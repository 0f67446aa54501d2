import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from "typeorm";
import { describedEnum } from "./enum.js";
import { Node, TenantRow } from "./node.js";

/** What a share allows. */
export const ShareUse = describedEnum("ShareUse", "What something shared may be used for.", {
  VIEW: "See what Apple holds.",
  SIGN: "Make and use certificates and profiles.",
  PUBLISH: "Publish apps.",
});
export type ShareUse = keyof typeof ShareUse;

/** How an item came into a tenant's list. */
export const SharingTag = describedEnum("SharingTag", "How an item came into a tenant's list.", {
  ROOT: "In a sub-organization's list: owned by the root, read-only here.",
  SHARED: "In the root's list: shared with sub-organizations.",
});
export type SharingTag = keyof typeof SharingTag;

/** A live reference that lets sub-organizations use what the root organization owns. Never a copy. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A live reference that lets sub-organizations use what the root organization owns. Never a copy.",
})
@Entity()
export class Share extends TenantRow {
  /** Always the root: only what it owns is shared, which a foreign key holds. */
  @Column("text")
  ownerId!: string;

  /** What is shared: one of the three. */
  @Column("text", { nullable: true })
  credentialId!: string | null;

  @Column("text", { nullable: true })
  certificateId!: string | null;

  @Column("text", { nullable: true })
  provisioningProfileId!: string | null;

  @Field(() => Boolean, { description: "Now and in future: a sub-organization made later has it too." })
  @Column("boolean", { name: "with_all" })
  withAllSubOrganizations!: boolean;

  @Field(() => [ShareUse], { description: "What it may be used for." })
  @Column("text", { array: true })
  uses!: ShareUse[];

  @Field(() => [String], {
    description: "Bundle identifiers it may be used for, `*` at the end as a wildcard; empty: any.",
  })
  @Column("text", { array: true })
  bundleIdentifiers!: string[];

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "The share ends by itself at this time; null: it does not.",
  })
  @Column("timestamptz", { nullable: true })
  expiresAt!: Date | null;

  @Field(() => GraphQLDateTime, { description: "When it was first shared." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;

  @Field(() => GraphQLDateTime, { description: "When the share was last set." })
  @UpdateDateColumn({ type: "timestamptz" })
  updatedAt!: Date;
}

/** One sub-organization that something is shared with by hand. */
@Entity()
export class ShareTarget {
  @PrimaryColumn("text")
  rootId!: string;

  @PrimaryColumn("text")
  shareId!: string;

  @PrimaryColumn("text")
  subOrganizationId!: string;
}

/** Whether an identifier is within the patterns of a share: `*` at the end is a wildcard, no pattern allows any. */
export function isWithin(identifier: string, patterns: readonly string[]): boolean {
  return (
    patterns.length === 0 ||
    patterns.some((pattern) =>
      pattern.endsWith("*") ? identifier.startsWith(pattern.slice(0, -1)) : identifier === pattern,
    )
  );
}
