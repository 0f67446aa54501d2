import { Field, InterfaceType } from "type-graphql";
import { GraphQLDateTime } from "graphql-scalars";
import { Column, CreateDateColumn, Entity, TableInheritance } from "typeorm";
import { Node, TenantRow, typeNameOf } from "./node.js";

/** A workspace: an Organization (root, `id = rootId`) or one of its SubOrganizations. One table holds both. */
@InterfaceType({
  description: "A workspace of its own: an Organization (root) or one of its SubOrganizations.",
  implements: Node,
  resolveType: typeNameOf,
})
@Entity({ name: "tenants" })
@TableInheritance({ column: { name: "kind", type: "text" } })
export abstract class Tenant extends TenantRow {
  @Field(() => String, { description: "The name, as people wrote it." })
  @Column("text")
  name!: string;

  /** The name without case: what makes names of sub-organizations unique in their root. */
  @Column("text")
  nameKey!: string;

  @Field(() => GraphQLDateTime, { description: "When it was made." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
