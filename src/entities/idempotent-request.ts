import { Column, CreateDateColumn, Entity, PrimaryColumn } from "typeorm";

/** A mutation that came with an idempotency key, and what it came to. */
@Entity()
export class IdempotentRequest {
  @PrimaryColumn("text")
  rootId!: string;

  /** The tenant that it is about. */
  @PrimaryColumn("text")
  tenantId!: string;

  @PrimaryColumn("text")
  actorId!: string;

  /** The name of the mutation. */
  @PrimaryColumn("text")
  operation!: string;

  @PrimaryColumn("text")
  key!: string;

  /** SHA-256 of the input, hex: another input under the same key is refused. */
  @Column("text")
  inputHash!: string;

  /** Ids and refusals, never a secret; null while it is being done. */
  @Column("jsonb", { nullable: true })
  outcome!: object | null;

  @CreateDateColumn({ type: "timestamptz" })
  createdAt!: Date;
}
