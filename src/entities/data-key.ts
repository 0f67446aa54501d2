import { Column, CreateDateColumn, Entity, PrimaryColumn } from "typeorm";

/** A data key of an organization, wrapped by the key-encryption key. */
@Entity()
export class DataKey {
  @PrimaryColumn("text")
  rootId!: string;

  @PrimaryColumn("text")
  id!: string;

  @Column("bytea")
  wrapped!: Buffer;

  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
