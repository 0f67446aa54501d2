import { GraphQLDateTime } from "graphql-scalars";
import { Field, Int, ObjectType } from "type-graphql";
import { describedEnum } from "../entities/enum.js";
import type { ErrorCode } from "../errors.js";
import { ErrorCodeEnum } from "./payload.js";

export const CertificateType = describedEnum(
  "CertificateType",
  "What a certificate is for. Apple adds types: one that this schema has no word for is OTHER.",
  {
    DEVELOPMENT: "Apple Development: all platforms.",
    DISTRIBUTION: "Apple Distribution: all platforms.",
    IOS_DEVELOPMENT: "iOS App Development.",
    IOS_DISTRIBUTION: "iOS Distribution: App Store, ad hoc and in-house.",
    MAC_APP_DEVELOPMENT: "Mac Development.",
    MAC_APP_DISTRIBUTION: "Mac App Distribution.",
    MAC_INSTALLER_DISTRIBUTION: "Mac Installer Distribution.",
    DEVELOPER_ID_APPLICATION: "Developer ID Application.",
    DEVELOPER_ID_KEXT: "Developer ID for kernel extensions.",
    PASS_TYPE_ID: "Wallet passes.",
    APPLE_PAY: "Apple Pay.",
    OTHER: "Any other: `appleType` has Apple's word.",
  },
);
export const CertificateState = describedEnum("CertificateState", "Whether a certificate can sign.", {
  VALID: "It can.",
  EXPIRED: "Its time is over.",
  REVOKED: "It was revoked.",
});
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
export const ProfileState = describedEnum(
  "ProfileState",
  "Whether a profile can be used. EXPIRED goes by the date: Apple reports expired profiles as ACTIVE.",
  {
    ACTIVE: "It can.",
    INVALID: "A certificate in it was revoked, or its bundle id changed.",
    EXPIRED: "Its time is over.",
  },
);
export const DeviceStatus = describedEnum("DeviceStatus", "Whether a device can be in a profile.", {
  ENABLED: "It can.",
  DISABLED: "It was disabled.",
  PROCESSING: "Apple is still registering it: profiles made now leave it out.",
  OTHER: "Any other.",
});

/** How old an answer is. */
@ObjectType({ simpleResolvers: true, description: "How old an answer is, and why it is not newer." })
export class Freshness {
  @Field(() => GraphQLDateTime, { description: "When Apple said so." })
  asOf!: Date;

  @Field(() => Boolean, { description: "Whether it is older than was asked for." })
  stale!: boolean;

  @Field(() => AppleProblem, { nullable: true, description: "Why it is not newer; null where nothing is wrong." })
  problem!: AppleProblem | null;
}

/** Why Apple's answer is not newer. */
@ObjectType({ simpleResolvers: true, description: "What went wrong when Apple was asked." })
export class AppleProblem {
  @Field(() => ErrorCodeEnum, { description: "Stable, for programs." })
  code!: ErrorCode;

  @Field(() => String, { description: "For people; may change." })
  message!: string;
}

/** Apple's hourly budget of a key. */
@ObjectType({ simpleResolvers: true, description: "Apple's hourly budget of a key, as it last reported it." })
export class AppleRateLimit {
  @Field(() => Int, { description: "Requests in a rolling hour." })
  limitPerHour!: number;

  @Field(() => Int, { description: "Those left." })
  remaining!: number;

  @Field(() => GraphQLDateTime, { description: "When Apple said so." })
  asOf!: Date;
}

@ObjectType({ simpleResolvers: true, description: "A certificate that Apple holds." })
export class AppleCertificate {
  @Field(() => String, { description: "Apple's own id." })
  appleId!: string;

  @Field(() => String, { description: "Apple's name for it, such as `Apple Distribution: Acme`." })
  name!: string;

  @Field(() => CertificateType, { description: "What it is for." })
  type!: keyof typeof CertificateType;

  @Field(() => String, { description: "Apple's own word for the type, also where this schema has none." })
  appleType!: string;

  @Field(() => String, { description: "Upper-case hex, without leading zeros, as Apple shows it." })
  serialNumber!: string;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When its time is over; null where Apple does not say.",
  })
  expiresAt!: Date | null;

  @Field(() => CertificateState, { description: "Whether it can sign, by its date: Apple lists no revoked ones." })
  state!: keyof typeof CertificateState;
}

@ObjectType({ simpleResolvers: true, description: "A bundle id (App ID) that Apple holds." })
export class AppleBundleId {
  @Field(() => String, { description: "Apple's own id." })
  appleId!: string;

  @Field(() => String, { description: "The identifier, such as `com.acme.shop`." })
  identifier!: string;

  @Field(() => String, { description: "The name given at Apple." })
  name!: string;

  @Field(() => String, { description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  platform!: string;

  @Field(() => [String], { description: "Apple's words for its capabilities, such as PUSH_NOTIFICATIONS." })
  capabilities!: readonly string[];
}

@ObjectType({ simpleResolvers: true, description: "A device registered at Apple." })
export class AppleDevice {
  @Field(() => String, { description: "Apple's own id." })
  appleId!: string;

  @Field(() => String, { description: "The name given at Apple." })
  name!: string;

  @Field(() => String, { description: "Its unique device identifier." })
  udid!: string;

  @Field(() => String, { nullable: true, description: "Such as `iPhone 15 Pro`." })
  model!: string | null;

  @Field(() => String, { description: "Apple's word: IPHONE, IPAD, MAC and others." })
  deviceClass!: string;

  @Field(() => String, { description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  platform!: string;

  @Field(() => DeviceStatus, { description: "Whether it can be in a profile." })
  status!: keyof typeof DeviceStatus;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When it was registered; null where Apple does not say.",
  })
  addedAt!: Date | null;
}

@ObjectType({ simpleResolvers: true, description: "A provisioning profile that Apple holds." })
export class AppleProvisioningProfile {
  @Field(() => String, { description: "Apple's own id." })
  appleId!: string;

  @Field(() => String, { description: "The name given at Apple: unique in the team." })
  name!: string;

  @Field(() => String, { description: "What Xcode files it under." })
  uuid!: string;

  @Field(() => ProfileType, { description: "What it is for." })
  type!: keyof typeof ProfileType;

  @Field(() => String, { description: "Apple's own word for the type, also where this schema has none." })
  appleType!: string;

  @Field(() => ProfileState, { description: "Whether it can be used." })
  state!: keyof typeof ProfileState;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When its time is over; null where Apple does not say.",
  })
  expiresAt!: Date | null;

  @Field(() => AppleBundleId, { nullable: true, description: "The bundle id it is for." })
  bundleId!: AppleBundleId | null;

  @Field(() => [AppleCertificate], { description: "The certificates in it." })
  certificates!: AppleCertificate[];

  @Field(() => [AppleDevice], { description: "The devices in it: development and ad hoc alone have any." })
  devices!: AppleDevice[];
}
