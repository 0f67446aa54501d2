import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, Entity, PrimaryColumn } from "typeorm";
import { describedEnum } from "../enum.js";
import { AppleRow, KeyRow } from "./row.js";

export const ProfileType = describedEnum(
  "ProfileType",
  "What a provisioning profile is for. One that this schema has no word for is OTHER.",
  {
    IOS_APP_DEVELOPMENT: "iOS development.",
    IOS_APP_ADHOC: "iOS ad hoc.",
    IOS_APP_STORE: "iOS App Store.",
    IOS_APP_INHOUSE: "iOS in-house, Enterprise Program alone.",
    MAC_APP_DEVELOPMENT: "macOS development.",
    MAC_APP_STORE: "Mac App Store.",
    MAC_APP_DIRECT: "macOS Developer ID.",
    TVOS_APP_DEVELOPMENT: "tvOS development.",
    TVOS_APP_ADHOC: "tvOS ad hoc.",
    TVOS_APP_STORE: "tvOS App Store.",
    TVOS_APP_INHOUSE: "tvOS in-house, Enterprise Program alone.",
    MAC_CATALYST_APP_DEVELOPMENT: "Mac Catalyst development.",
    MAC_CATALYST_APP_STORE: "Mac Catalyst App Store.",
    MAC_CATALYST_APP_DIRECT: "Mac Catalyst Developer ID.",
    OTHER: "Any other: `appleType` has Apple's word.",
  },
);
export type ProfileType = keyof typeof ProfileType;

export const ProfileState = describedEnum(
  "ProfileState",
  "Whether a profile can be used. EXPIRED goes by the date: Apple reports expired profiles as ACTIVE.",
  {
    ACTIVE: "It can.",
    INVALID: "A certificate in it was revoked, or its bundle id changed.",
    EXPIRED: "Its time is over.",
  },
);
export type ProfileState = keyof typeof ProfileState;

/** Our word for a type of Apple's. */
export function profileTypeOf(appleType: string): ProfileType {
  return Object.hasOwn(ProfileType, appleType) ? (appleType as ProfileType) : "OTHER";
}

/** A provisioning profile that Apple holds. */
@ObjectType({ simpleResolvers: true, description: "A provisioning profile that Apple holds." })
@Entity()
export class AppleProvisioningProfile extends AppleRow {
  @Field(() => String, { description: "The name given at Apple: unique in the team." })
  @Column("text")
  name!: string;

  @Field(() => String, { description: "What Xcode files it under." })
  @Column("text")
  uuid!: string;

  @Field(() => ProfileType, { description: "What it is for." })
  @Column("text")
  type!: ProfileType;

  @Field(() => String, { description: "Apple's own word for the type, also where this schema has none." })
  @Column("text")
  appleType!: string;

  /** Apple's own word, which stays ACTIVE when the time is over. */
  @Column("text")
  appleState!: string;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When its time is over; null where Apple does not say.",
  })
  @Column("timestamptz", { nullable: true })
  expiresAt!: Date | null;

  /** When it was made from here: Apple's lists may not show it for a while. */
  @Column("timestamptz", { nullable: true })
  writtenAt!: Date | null;

  /** Apple's own id of the bundle id; null where Apple does not say. */
  @Column("text", { name: "bundle_id", nullable: true })
  bundleIdAppleId!: string | null;
}

/** A certificate in a profile. */
@Entity()
export class AppleProfileCertificate extends KeyRow {
  @PrimaryColumn("text")
  profileId!: string;

  @PrimaryColumn("text")
  certificateId!: string;

  /** Apple's order. */
  @Column("integer")
  place!: number;
}

/** A device in a profile. */
@Entity()
export class AppleProfileDevice extends KeyRow {
  @PrimaryColumn("text")
  profileId!: string;

  @PrimaryColumn("text")
  deviceId!: string;

  /** Apple's order. */
  @Column("integer")
  place!: number;
}
