import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, Entity } from "typeorm";
import { describedEnum } from "../enum.js";
import { AppleRow } from "./row.js";

export const DeviceStatus = describedEnum("DeviceStatus", "Whether a device can be in a profile.", {
  ENABLED: "It can.",
  DISABLED: "It was disabled.",
  PROCESSING: "Apple is still registering it: profiles made now leave it out.",
  OTHER: "Any other.",
});
export type DeviceStatus = keyof typeof DeviceStatus;

/** Our word for a status of Apple's. */
export function deviceStatusOf(appleStatus: string): DeviceStatus {
  return Object.hasOwn(DeviceStatus, appleStatus) ? (appleStatus as DeviceStatus) : "OTHER";
}

/** A device registered with a team. */
@ObjectType({ simpleResolvers: true, description: "A device registered at Apple." })
@Entity()
export class AppleDevice extends AppleRow {
  @Field(() => String, { description: "The name given at Apple." })
  @Column("text")
  name!: string;

  @Field(() => String, { description: "Its unique device identifier." })
  @Column("text")
  udid!: string;

  @Field(() => String, { nullable: true, description: "Such as `iPhone 15 Pro`." })
  @Column("text", { nullable: true })
  model!: string | null;

  @Field(() => String, { description: "Apple's word: IPHONE, IPAD, MAC and others." })
  @Column("text")
  deviceClass!: string;

  @Field(() => String, { description: "Apple's word: IOS, MAC_OS, UNIVERSAL." })
  @Column("text")
  platform!: string;

  @Field(() => DeviceStatus, { description: "Whether it can be in a profile." })
  @Column("text")
  status!: DeviceStatus;

  /** What its own list last said, which is what changes are told from; a profile's list tells the status too. Null: it was in none. */
  @Column("text", { nullable: true })
  listedStatus!: DeviceStatus | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: "When it was registered; null where Apple does not say.",
  })
  @Column("timestamptz", { nullable: true })
  addedAt!: Date | null;

  /** When it was last written from here: Apple's lists may not show that yet. */
  @Column("timestamptz", { nullable: true })
  writtenAt!: Date | null;
}
