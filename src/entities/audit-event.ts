import { GraphQLDateTime } from "graphql-scalars";
import { Field, ObjectType } from "type-graphql";
import { Column, Entity } from "typeorm";
import { describedEnum } from "./enum.js";
import { Node, TenantRow } from "./node.js";

/** How what was asked for ended. */
export const AuditOutcome = describedEnum("AuditOutcome", "How what was asked for ended.", {
  DONE: "It was done.",
  REFUSED: "It was understood and refused, for the user to mend.",
  DENIED: "The viewer may not.",
  FAILED: "Apple refused, failed or could not be reached.",
});
export type AuditOutcome = keyof typeof AuditOutcome;

/** One entry of the log: only ever appended, by a function of the database. */
@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description:
    "One entry of the tenant's append-only log. Each holds the hash of the one before: `countersign audit verify` proves the chain.",
})
@Entity()
export class AuditEvent extends TenantRow {
  /** Its place in the chain of the organization, from 1 without gaps. */
  @Column("bigint")
  seq!: string;

  @Column("text")
  tenantId!: string;

  @Field(() => GraphQLDateTime, { description: "When it happened." })
  @Column("timestamptz")
  at!: Date;

  @Field(() => String, {
    description: "What happened, dotted: `credential.created`, `certificate.downloaded`, `access.denied`.",
  })
  @Column("text")
  action!: string;

  @Field(() => AuditOutcome, { description: "How it ended." })
  @Column("text")
  outcome!: AuditOutcome;

  @Column("text")
  actorId!: string;

  @Field(() => String, { description: "Who: an e-mail address or the name of a token, as it was then." })
  @Column("text")
  actorLabel!: string;

  @Column("text", { nullable: true })
  subjectId!: string | null;

  @Field(() => String, { nullable: true, description: "Its name, as it was then." })
  @Column("text", { nullable: true })
  subjectLabel!: string | null;

  /** Never holds a secret. */
  @Column("jsonb")
  details!: object;

  @Field(() => String, { nullable: true, description: "The request it was asked in: `x-request-id` of its answer." })
  @Column("text", { nullable: true })
  requestId!: string | null;

  @Field(() => String, { nullable: true, description: "From which address; null where the server acted by itself." })
  @Column("text", { nullable: true })
  ipAddress!: string | null;

  @Field(() => String, { description: "SHA-256 of the entry and of the hash of the one before, hex." })
  @Column("text")
  hash!: string;
}
