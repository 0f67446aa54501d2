import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { CertificateType } from "../apple/certificate.js";
import { describedEnum } from "../enum.js";
import { Node, TenantRow } from "../node.js";

/** How a certificate came here. */
export const CertificateSource = describedEnum("CertificateSource", "How a certificate came here.", {
  CREATED: "Made at Apple through a key, for a private key that was made here.",
  SIGNING_REQUEST: "Made from a signing request whose private key waited here.",
  UPLOADED: "Uploaded as a .p12 file.",
});
export type CertificateSource = keyof typeof CertificateSource;

/** A certificate that a tenant keeps, with its private key. The root's may be shared, read-only, with sub-organizations. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A certificate that a tenant keeps. Its private key leaves only in a .p12 file, and the log says so.",
})
@Entity()
export class Certificate extends TenantRow {
  @Column("text")
  ownerId!: string;

  @Field(() => String, { description: "The name given here." })
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

  @Field(() => String, { description: "SHA-1 of the certificate, upper-case hex: what codesign and Keychain show." })
  @Column("text")
  sha1!: string;

  /** SHA-256 of the public key (SPKI, DER), lower-case hex: by it a lost certificate is found again. */
  @Column("text")
  publicKeySha256!: string;

  @Field(() => String, {
    nullable: true,
    description: "Apple's id of the team; null where the certificate names none.",
  })
  @Column("text", { nullable: true })
  teamId!: string | null;

  @Field(() => String, {
    description: "The common name of the certificate, such as `Apple Distribution: Acme (ABCDE12345)`.",
  })
  @Column("text")
  commonName!: string;

  @Field(() => GraphQLDateTime, { description: "When its time is over." })
  @Column("timestamptz")
  expiresAt!: Date;

  /** When it was found to be revoked; null: it was not. */
  @Column("timestamptz", { nullable: true })
  revokedAt!: Date | null;

  @Field(() => CertificateSource, { description: "How it came here." })
  @Column("text")
  source!: CertificateSource;

  /** The key it was made through. */
  @Column("text", { nullable: true })
  credentialId!: string | null;

  @Field(() => String, { nullable: true, description: "Apple's own id; null where Apple was not asked." })
  @Column("text", { nullable: true })
  appleId!: string | null;

  /** The certificate itself: X.509, DER. */
  @Column("bytea", { select: false })
  content!: Buffer;

  /** Its private key as PKCS#8 DER, sealed by the vault. Never a @Field. */
  @Column("bytea", { select: false, nullable: true })
  sealedKey!: Buffer | null;

  @Field(() => GraphQLDateTime, { description: "When it came here." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
