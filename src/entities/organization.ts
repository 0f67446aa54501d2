import { ObjectType } from "type-graphql";
import { ChildEntity } from "typeorm";
import { Node } from "./node.js";
import { Tenant } from "./tenant.js";

/** A root organization: owns keys, and shares them with its sub-organizations. */
@ObjectType({
  implements: [Node, Tenant],
  simpleResolvers: true,
  description: "A root organization: it owns keys and shares them with its sub-organizations.",
})
@ChildEntity("ORGANIZATION")
export class Organization extends Tenant {}
