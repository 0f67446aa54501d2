import { Column, Entity, PrimaryColumn } from "typeorm";
import type { ErrorCode } from "../../errors.js";
import { KeyRow } from "./row.js";

/** The lists of what Apple holds, each refreshed as a whole. */
export const APPLE_LISTS = ["CERTIFICATES", "PROFILES", "BUNDLE_IDS", "DEVICES"] as const;
export type AppleList = (typeof APPLE_LISTS)[number];

/** What is kept of one list of one key: how old it is, and how the last attempt to renew it ended. */
@Entity()
export class AppleSnapshot extends KeyRow {
  @PrimaryColumn("text")
  list!: AppleList;

  /** When Apple was asked for what is kept; null where it never answered. */
  @Column("timestamptz", { nullable: true })
  asOf!: Date | null;

  /** Counts attempts that ended, well or not: whoever saw another number knows that somebody asked meanwhile. */
  @Column("integer", { default: 0 })
  attempts!: number;

  @Column("timestamptz", { nullable: true })
  attemptedAt!: Date | null;

  /** Why the last attempt failed; null where it did not. */
  @Column("text", { nullable: true })
  problemCode!: ErrorCode | null;

  @Column("text", { nullable: true })
  problemMessage!: string | null;

  /** When somebody last asked for the list, to some minutes: what is in use is kept fresh. */
  @Column("timestamptz", { nullable: true })
  wantedAt!: Date | null;
}
