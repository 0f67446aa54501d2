import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity, UpdateDateColumn } from "typeorm";
import { describedEnum } from "./enum.js";
import { Node, TenantRow } from "./node.js";

/** Which of Apple's two programs a key belongs to; each has its own host and audience. */
export const AppleProgram = describedEnum("AppleProgram", "Which of Apple's programs a key belongs to.", {
  APP_STORE: "Apple Developer Program: App Store Connect API.",
  ENTERPRISE: "Apple Developer Enterprise Program: in-house apps only, nothing is published with it.",
});
export type AppleProgram = keyof typeof AppleProgram;

/** Whose key it is: a team's, or one person's. */
export const AppleKeyType = describedEnum("AppleKeyType", "Whose key it is.", {
  TEAM: "A team's: has an issuer id.",
  INDIVIDUAL: "One person's: has no issuer id, and cannot provision.",
});
export type AppleKeyType = keyof typeof AppleKeyType;

/** Outcome of the last check of a key against Apple. */
export const CredentialStatus = describedEnum("CredentialStatus", "Outcome of the last check of a key against Apple.", {
  UNVERIFIED: "Apple was not asked yet.",
  WORKING: "Apple accepts the key.",
  KEY_REJECTED: "401: revoked, or wrong key id, issuer or .p8.",
  WRONG_PROGRAM: "The key works, but for the other program.",
  ROLE_TOO_NARROW: "403: the role of the key may not provision.",
  AGREEMENT_MISSING: "403: the Account Holder must accept an agreement.",
  CLOCK_SKEW: "401: the clock of this server is off by more than Apple accepts.",
  RATE_LIMITED: "429: the hourly budget of the key is spent.",
  UNREACHABLE: "Apple did not answer, or cannot serve.",
});
export type CredentialStatus = keyof typeof CredentialStatus;

/** Outcome of the last check of a key against Apple, with what to do about it. */
@ObjectType({ simpleResolvers: true, description: "Outcome of the last check of a key against Apple." })
export class CredentialHealth {
  @Field(() => CredentialStatus, { description: "The outcome." })
  status!: CredentialStatus;

  @Field(() => String, { nullable: true, description: "What to do about it, for a person." })
  advice!: string | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: "When Apple was asked; null where it never was." })
  checkedAt!: Date | null;
}

/** An App Store Connect API key. Belongs to one tenant; the root's may be shared, read-only, with sub-organizations. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "An App Store Connect API key. The private key itself never leaves.",
})
@Entity()
export class Credential extends TenantRow {
  @Column("text")
  ownerId!: string;

  @Field(() => String, { description: "The name that its owner gave it." })
  @Column("text")
  name!: string;

  @Field(() => AppleProgram, {
    description: "Which of Apple's programs it belongs to; the same wherever it is shared.",
  })
  @Column("text")
  program!: AppleProgram;

  @Field(() => AppleKeyType, { description: "A team's key, or one person's." })
  @Column("text")
  keyType!: AppleKeyType;

  /** `kid` of every token signed with it. */
  @Field(() => String, { description: "Apple's key id." })
  @Column("text")
  keyId!: string;

  /** `iss` of every token signed with a team's key. Not always an RFC 4122 UUID. */
  @Field(() => String, { nullable: true, description: "Apple's issuer id; null for an individual key." })
  @Column("text", { nullable: true })
  issuerId!: string | null;

  @Field(() => String, {
    description: "SHA-256 of the public key, hex: tells two keys apart without showing either.",
  })
  @Column("text")
  fingerprint!: string;

  /** The .p8 key as PKCS#8 DER, sealed by the vault. Never a @Field. */
  @Column("bytea", { select: false })
  sealedKey!: Buffer;

  /** Counts rotations from 1: tokens are cached by id and version. */
  @Column("integer", { default: 1 })
  keyVersion!: number;

  @Column("text", { default: "UNVERIFIED" })
  healthStatus!: CredentialStatus;

  @Column("text", { nullable: true })
  healthAdvice!: string | null;

  @Column("timestamptz", { nullable: true })
  healthCheckedAt!: Date | null;

  @Field(() => GraphQLDateTime, { description: "When it was added." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;

  @Field(() => GraphQLDateTime, { description: "When it was last renamed, rotated or checked." })
  @UpdateDateColumn({ type: "timestamptz" })
  updatedAt!: Date;
}
