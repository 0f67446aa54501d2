import { Field, ObjectType } from "type-graphql";
import { Column, PrimaryColumn } from "typeorm";

/** A row of what Apple said of a key. */
export abstract class KeyRow {
  @PrimaryColumn("text")
  rootId!: string;

  @PrimaryColumn("text")
  credentialId!: string;

  /** Whose key it is. */
  @Column("text")
  ownerId!: string;
}

/** A thing that Apple holds, as a key's snapshot keeps it. */
@ObjectType({ simpleResolvers: true })
export abstract class AppleRow extends KeyRow {
  @Field(() => String, { description: "Apple's own id." })
  @PrimaryColumn("text")
  appleId!: string;

  /** Where it stands in its list, in the order in which it was first seen; null where it is known from a profile alone. */
  @Column("integer", { nullable: true })
  position!: number | null;
}
