import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, CreateDateColumn, Entity } from "typeorm";
import { describedEnum } from "./enum.js";
import { Node, TenantRow } from "./node.js";

/** What a member is to a tenant. Permissions follow from roles: `auth/permissions.ts`. */
export const Role = describedEnum("Role", "What a member is to a tenant: each role stands for a set of permissions.", {
  OWNER: "May do everything, and alone makes other owners.",
  MANAGER: "May do everything but make owners.",
  OPERATOR: "Works with keys: signs, downloads, publishes.",
  VIEWER: "Sees keys, certificates and profiles, and changes nothing.",
});
export type Role = keyof typeof Role;

/** A person's membership of one tenant, known by e-mail. A membership of the root holds in every sub-organization. */
@ObjectType({ implements: Node, simpleResolvers: true, description: "A person's membership of a tenant." })
@Entity()
export class Member extends TenantRow {
  @Column("text")
  tenantId!: string;

  /** Lower case: what the `email` claim of the person's identity token is compared with. */
  @Field(() => String, { description: "The e-mail address by which the person signs in." })
  @Column("text")
  email!: string;

  @Field(() => [Role], { description: "What the person is here." })
  @Column("text", { array: true })
  roles!: Role[];

  @Field(() => GraphQLDateTime, { description: "When the person became a member." })
  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
