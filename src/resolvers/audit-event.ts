import { GraphQLDateTime } from "graphql-scalars";
import { Arg, Ctx, Field, FieldResolver, ID, InputType, Resolver, Root } from "type-graphql";
import type { Context } from "../context.js";
import { AuditEvent, AuditOutcome } from "../entities/audit-event.js";
import { Tenant } from "../entities/tenant.js";
import type { AuditEventRow } from "../loaders/audit-event.js";
import type { TenantRow } from "../loaders/tenant.js";
import {
  AFTER,
  connectionType,
  FIRST,
  FirstType,
  pageAfterPosition,
  positionedConnection,
  searchOf,
} from "./connection.js";

const AuditEventConnection = connectionType("AuditEvent", () => AuditEvent);

@InputType({ description: "What narrows the log; an entry has to fit all of it." })
class AuditEventFilter {
  @Field(() => String, {
    nullable: true,
    description: "This action, or all that begin with it: `certificate`, `certificate.downloaded`.",
  })
  action?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "By this actor: an id, an e-mail address or the name of a token.",
  })
  actor?: string | null;

  @Field(() => ID, { nullable: true, description: "About the thing of this id." })
  subjectId?: string | null;

  @Field(() => AuditOutcome, { nullable: true, description: "That ended so." })
  outcome?: AuditOutcome | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: "At this time or later." })
  since?: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: "Before this time." })
  until?: Date | null;
}

/** The form of a place in a chain. */
const SEQ = /^\d{1,15}$/;

/** The logs of tenants. */
@Resolver(() => Tenant)
export class TenantAuditEventsResolver {
  @FieldResolver(() => AuditEventConnection, {
    description: "Its log, the newest first; a root organization's holds those of its sub-organizations too.",
  })
  async auditEvents(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("filter", () => AuditEventFilter, { nullable: true, description: "Only those that fit all of it." })
    filter: AuditEventFilter | null | undefined,
    @Ctx() { loaders }: Context,
  ) {
    const { action, actor, subjectId, outcome = null, since = null, until = null } = filter ?? {};
    const text = (value: string | null | undefined): string | null => searchOf(value) || null;
    const narrowed = { action: text(action), actor: text(actor), subjectId: text(subjectId), outcome, since, until };
    const page = pageAfterPosition(tenant.id, first, after, narrowed, SEQ);
    const { rows, hasNextPage } = await loaders.auditEventsByTenant.load(page);
    return positionedConnection(
      { rows: rows.map((row) => ({ ...row, position: Number(row.seq) })), hasNextPage },
      page,
    );
  }
}

/** Entries of the log. */
@Resolver(() => AuditEvent)
export class AuditEventResolver {
  @FieldResolver(() => Tenant, { description: "In whose log it is; the organization where the tenant is gone." })
  async tenant(@Root() { tenantId, rootId }: AuditEventRow, @Ctx() { loaders }: Context): Promise<TenantRow | null> {
    return (await loaders.tenant.load(tenantId)) ?? loaders.tenant.load(rootId);
  }

  @FieldResolver(() => ID, { nullable: true, description: "What it is about." })
  subjectId(@Root() { subjectId }: AuditEventRow): string | null {
    return subjectId;
  }

  @FieldResolver(() => String, { description: "What else is worth knowing: JSON text. Never holds a secret." })
  details(@Root() { details }: AuditEventRow): string {
    return details;
  }
}
