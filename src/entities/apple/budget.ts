import { Column, Entity, PrimaryColumn } from "typeorm";
import { KeyRow } from "./row.js";

/** The budget of a key as Apple last reported it to any process of this server. Null: Apple did not say. */
@Entity()
export class AppleBudget extends KeyRow {
  @Column("integer", { nullable: true })
  limitPerHour!: number | null;

  @Column("integer", { nullable: true })
  remaining!: number | null;

  @Column("integer", { nullable: true })
  limitPerMinute!: number | null;

  @Column("integer", { nullable: true })
  remainingInMinute!: number | null;

  @Column("timestamptz", { nullable: true })
  asOf!: Date | null;

  /** Until when the key is not used after Apple answered 429. */
  @Column("timestamptz", { nullable: true })
  blockedUntil!: Date | null;

  /** Answers of 429 one after another. */
  @Column("integer", { default: 0 })
  refusals!: number;
}

/** How often Apple was asked with a key for a tenant, within one slot of time. */
@Entity()
export class AppleCall extends KeyRow {
  @PrimaryColumn("text")
  tenantId!: string;

  /** The start of the slot. */
  @PrimaryColumn("timestamptz")
  slot!: Date;

  @Column("integer")
  calls!: number;
}
