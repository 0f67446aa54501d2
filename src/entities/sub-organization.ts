import { ObjectType } from "type-graphql";
import { ChildEntity } from "typeorm";
import { Node } from "./node.js";
import { Tenant } from "./tenant.js";

/** A workspace below a root organization. */
@ObjectType({
  implements: [Node, Tenant],
  simpleResolvers: true,
  description:
    "A workspace below a root organization. It uses what the root shares with it, and may own keys of its own.",
})
@ChildEntity("SUB_ORGANIZATION")
export class SubOrganization extends Tenant {}
