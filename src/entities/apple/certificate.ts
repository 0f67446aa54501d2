import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, Entity } from "typeorm";
import { describedEnum } from "../enum.js";
import { AppleRow } from "./row.js";

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
export type CertificateType = keyof typeof CertificateType;

export const CertificateState = describedEnum("CertificateState", "Whether a certificate can sign.", {
  VALID: "It can.",
  EXPIRED: "Its time is over.",
  REVOKED: "It was revoked.",
});
export type CertificateState = keyof typeof CertificateState;

/** Our word for a type of Apple's, which adds variants (`DEVELOPER_ID_APPLICATION_G2`, `APPLE_PAY_RSA`) under the same word. */
export function certificateTypeOf(appleType: string): CertificateType {
  const words = Object.keys(CertificateType) as CertificateType[];
  const fitting = words.filter((word) => appleType === word || appleType.startsWith(`${word}_`));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? "OTHER";
}

/** A certificate that Apple holds. Apple lists no revoked ones. */
@ObjectType({ simpleResolvers: true, description: "A certificate that Apple holds." })
@Entity()
export class AppleCertificate extends AppleRow {
  @Field(() => String, { description: "Apple's name for it, such as `Apple Distribution: Acme`." })
  @Column("text")
  name!: string;

  @Field(() => CertificateType, { description: "What it is for." })
  @Column("text")
  type!: CertificateType;

  @Field(() => String, { description: "Apple's own word for the type, also where this schema has none." })
  @Column("text")
  appleType!: string;

  @Field(() => String, { description: "Upper-case hex, without leading zeros, as Apple shows it." })
  @Column("text")
  serialNumber!: string;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When its time is over; null where Apple does not say.",
  })
  @Column("timestamptz", { nullable: true })
  expiresAt!: Date | null;

  /** When it was made from here: Apple's lists may not show it for a while. */
  @Column("timestamptz", { nullable: true })
  writtenAt!: Date | null;
}
