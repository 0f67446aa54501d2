import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { ProfileType } from "../apple/provisioning-profile.js";
import { describedEnum } from "../enum.js";
import { Node, TenantRow } from "../node.js";

/** How a profile came here. */
export const ProfileSource = describedEnum("ProfileSource", "How a provisioning profile came here.", {
  CREATED: "Made at Apple through a key.",
  FETCHED: "Picked from those that Apple held.",
  UPLOADED: "Uploaded as a file.",
});
export type ProfileSource = keyof typeof ProfileSource;

/** A provisioning profile that a tenant keeps, content and all. The root's may be shared, read-only, with sub-organizations. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A provisioning profile that a tenant keeps, content and all.",
})
@Entity()
export class ProvisioningProfile extends TenantRow {
  @Column("text")
  ownerId!: string;

  @Field(() => String, { description: "The name given at Apple." })
  @Column("text")
  name!: string;

  @Field(() => String, { description: "What Xcode files it under." })
  @Column("text")
  uuid!: string;

  @Field(() => ProfileType, { description: "What it is for." })
  @Column("text")
  type!: ProfileType;

  /** Apple's own word for the type. */
  @Column("text")
  appleType!: string;

  /** Since when it is known to be invalid at Apple; null: it is not. */
  @Column("timestamptz", { nullable: true })
  invalidSince!: Date | null;

  @Field(() => GraphQLDateTime, { description: "When its time is over." })
  @Column("timestamptz")
  expiresAt!: Date;

  @Field(() => [String], { description: "The platforms in it, such as `iOS`." })
  @Column("text", { array: true })
  platforms!: string[];

  @Field(() => String, { description: "Apple's id of the team." })
  @Column("text")
  teamId!: string;

  @Field(() => String, { nullable: true, description: "The name of the team; null where the profile has none." })
  @Column("text", { nullable: true })
  teamName!: string | null;

  @Field(() => String, { description: "The bundle identifier it is for, without the team's prefix; may end in `*`." })
  @Column("text")
  bundleIdentifier!: string;

  @Field(() => String, { description: "The entitlements in it, as JSON text." })
  @Column("text")
  entitlements!: string;

  @Field(() => [String], { description: "The devices in it; none where its type takes none." })
  @Column("text", { array: true })
  deviceUdids!: string[];

  @Field(() => [String], { description: "SHA-1 of each certificate in it, upper-case hex." })
  @Column("text", { array: true })
  certificateSha1s!: string[];

  @Field(() => ProfileSource, { description: "How it came here." })
  @Column("text")
  source!: ProfileSource;

  /** The key it was made or fetched through. */
  @Column("text", { nullable: true })
  credentialId!: string | null;

  @Field(() => String, { nullable: true, description: "Apple's own id; null where Apple was not asked." })
  @Column("text", { nullable: true })
  appleId!: string | null;

  /** The file itself. */
  @Column("bytea", { select: false })
  content!: Buffer;

  @Field(() => GraphQLDateTime, { description: "When it came here." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
