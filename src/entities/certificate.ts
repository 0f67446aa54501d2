import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { CertificateState, CertificateType } from "./apple/certificate.js";
import { Node } from "./node.js";

/** A certificate that a tenant keeps. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A certificate that a tenant keeps, with its private key where that is here.",
})
export class Certificate extends Node {
  @Field(() => String, { description: "The name given here." })
  name!: string;

  @Field(() => CertificateType, { description: "What it is for." })
  type!: CertificateType;

  @Field(() => String, { description: "Apple's own word for the type, also where this schema has none." })
  appleType!: string;

  @Field(() => String, { description: "Upper-case hex, without leading zeros, as Apple shows it." })
  serialNumber!: string;

  @Field(() => CertificateState, { description: "Whether it can sign." })
  state!: CertificateState;

  @Field(() => GraphQLDateTime, { description: "When its time is over." })
  expiresAt!: Date;
}
