import { Column, CreateDateColumn, Entity, PrimaryColumn } from "typeorm";

/** A data key of an organization, wrapped by the key-encryption key. */
@Entity()
export class DataKey {
  @PrimaryColumn("text")
  rootId!: string;

  @PrimaryColumn("text")
  id!: string;

  /** Of the key-encryption key that wraps it. */
  @Column("text")
  keyLabel!: string;

  @Column("bytea")
  wrapped!: Buffer;

  /** Whether secrets are sealed with it now: one of an organization's at most. */
  @Column("boolean", { default: true })
  isCurrent!: boolean;

  /** Since when nothing is sealed with it any more; null: something may be. */
  @Column("timestamptz", { nullable: true })
  retiredAt!: Date | null;

  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
