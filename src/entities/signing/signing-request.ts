import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { Node, TenantRow } from "../node.js";

/** A certificate signing request whose private key waits here for the certificate. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A certificate signing request whose private key waits here for the certificate.",
})
@Entity()
export class SigningRequest extends TenantRow {
  @Column("text")
  ownerId!: string;

  @Field(() => String, { description: "Common name of the request. Apple names the certificate after the team." })
  @Column("text")
  commonName!: string;

  @Field(() => String, { description: "E-mail address of the request." })
  @Column("text")
  email!: string;

  @Field(() => String, { description: "Country of the request: two letters." })
  @Column("text")
  country!: string;

  @Field(() => String, { description: "The request itself: PKCS#10, PEM. Apple's site takes it as a file." })
  @Column("text")
  csrPem!: string;

  /** SHA-256 of the public key (SPKI, DER), lower-case hex. */
  @Column("text")
  publicKeySha256!: string;

  /** The private key as PKCS#8 DER, sealed by the vault. Never a @Field. */
  @Column("bytea", { select: false })
  sealedKey!: Buffer;

  /** The certificate that was made from it; null: none yet. */
  @Column("text", { nullable: true })
  certificateId!: string | null;

  @Field(() => GraphQLDateTime, { description: "When it was made." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
