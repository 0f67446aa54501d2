import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { ProfileState, ProfileType } from "./apple/provisioning-profile.js";
import { Node } from "./node.js";

/** A provisioning profile that a tenant keeps. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A provisioning profile that a tenant keeps.",
})
export class ProvisioningProfile extends Node {
  @Field(() => String, { description: "The name given at Apple." })
  name!: string;

  @Field(() => String, { description: "What Xcode files it under." })
  uuid!: string;

  @Field(() => ProfileType, { description: "What it is for." })
  type!: ProfileType;

  @Field(() => ProfileState, { description: "Whether it can be used." })
  state!: ProfileState;

  @Field(() => GraphQLDateTime, { description: "When its time is over." })
  expiresAt!: Date;

  @Field(() => String, { description: "The bundle identifier it is for." })
  bundleIdentifier!: string;
}
