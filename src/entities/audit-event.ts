import { Column, CreateDateColumn, Entity } from "typeorm";
import { TenantRow } from "./node.js";

/** How what was asked for ended. */
export type AuditOutcome = "DONE" | "REFUSED" | "DENIED" | "FAILED";

/** One entry of a tenant's append-only log. */
@Entity()
export class AuditEvent extends TenantRow {
  @Column("text")
  tenantId!: string;

  @CreateDateColumn({ type: "timestamptz" })
  at!: Date;

  /** Dotted: `certificate.created`. */
  @Column("text")
  action!: string;

  @Column("text")
  outcome!: AuditOutcome;

  @Column("text")
  actorId!: string;

  /** E-mail or token name, as it was then. */
  @Column("text")
  actorLabel!: string;

  @Column("text", { nullable: true })
  subjectId!: string | null;

  @Column("text", { nullable: true })
  subjectLabel!: string | null;

  /** Never holds a secret. */
  @Column("jsonb")
  details!: object;

  @Column("text", { nullable: true })
  requestId!: string | null;

  @Column("text", { nullable: true })
  ipAddress!: string | null;
}
