import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { describedEnum } from "../enum.js";
import { Node, TenantRow } from "../node.js";

export const DriftKind = describedEnum("DriftKind", "What changed at Apple.", {
  CERTIFICATE_GONE: "A certificate is no longer there, and its time was not over: it was revoked.",
  CERTIFICATE_ADDED: "There is a new certificate, whose private key nobody here has.",
  PROFILE_INVALID: "A provisioning profile has become invalid.",
  PROFILE_EXPIRED: "The time of a provisioning profile is over, though Apple says that it is active.",
  DEVICE_ADDED: "There is a new device.",
  DEVICE_DISABLED: "A device was disabled.",
});
export type DriftKind = keyof typeof DriftKind;

/** Something that changed at Apple without this server: found by comparing an answer with the one before. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "Something that changed at Apple, and was not done from here: found when a list was asked for again.",
})
@Entity()
export class DriftEvent extends TenantRow {
  @Column("text")
  ownerId!: string;

  @Column("text")
  credentialId!: string;

  @Field(() => DriftKind, { description: "What changed." })
  @Column("text")
  kind!: DriftKind;

  @Field(() => String, { description: "Apple's own id of what changed." })
  @Column("text")
  appleId!: string;

  @Field(() => String, { description: "Its name at Apple, as it was then." })
  @Column("text")
  label!: string;

  /** The bundle identifier that a profile is for: the terms of a share may hide it. */
  @Column("text", { nullable: true })
  bundleIdentifier!: string | null;

  @Field(() => GraphQLDateTime, { description: "When it was noticed; it happened some time before." })
  @CreateDateColumn({ type: "timestamptz" })
  at!: Date;
}
