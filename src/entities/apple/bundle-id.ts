import { Field, ObjectType } from "type-graphql";
import { Column, Entity } from "typeorm";
import { AppleRow } from "./row.js";

/** A bundle id (App ID) of a team. */
@ObjectType({ simpleResolvers: true, description: "A bundle id (App ID) that Apple holds." })
@Entity()
export class AppleBundleId extends AppleRow {
  @Field(() => String, { description: "The identifier, such as `com.acme.shop`." })
  @Column("text")
  identifier!: string;

  @Field(() => String, { description: "The name given at Apple." })
  @Column("text")
  name!: string;

  @Field(() => String, { description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  @Column("text")
  platform!: string;

  @Field(() => [String], { description: "Apple's words for its capabilities, such as PUSH_NOTIFICATIONS." })
  @Column("text", { array: true, default: [] })
  capabilities!: string[];

  /** When it was last written from here: Apple's lists may not show that yet. */
  @Column("timestamptz", { nullable: true })
  writtenAt!: Date | null;
}
