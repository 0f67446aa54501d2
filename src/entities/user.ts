import { Field, ObjectType } from "type-graphql";
import { Node } from "./node.js";

/** A person who signed in. Not stored: the issuer knows people, memberships are kept by e-mail. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: "A person, signed in at the configured OpenID Connect issuer.",
})
export class User extends Node {
  @Field(() => String, { description: "The verified e-mail address." })
  email!: string;

  @Field(() => String, { nullable: true, description: "The full name, where the issuer says it." })
  name!: string | null;
}
