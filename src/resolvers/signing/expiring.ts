import { GraphQLDateTime } from "graphql-scalars";
import { Arg, createUnionType, Ctx, FieldResolver, Int, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AccessToken } from "../../entities/access-token.js";
import { typeNameOf } from "../../entities/node.js";
import { Organization } from "../../entities/organization.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import { Tenant } from "../../entities/tenant.js";
import { Denial } from "../../errors.js";
import type { ExpiringRow } from "../../loaders/signing/expiring.js";
import type { TenantRow } from "../../loaders/tenant.js";
import {
  AFTER,
  connectionType,
  field,
  FIRST,
  FirstType,
  pageAfterPosition,
  positionedConnection,
  type Connection,
} from "../connection.js";

/** Days ahead that one may look. */
export const EXPIRING_DAYS_MOST = 366;

/** The form of a place in the list: microseconds since 1970, and an id. */
const POSITION = /^\d{1,17} [a-z]{3,4}_[0-9a-z]{26}$/;

const Expirable = createUnionType({
  name: "Expirable",
  description: "What ends by itself.",
  types: () => [Certificate, ProvisioningProfile, AccessToken] as const,
  resolveType: (value: { id: string }) => typeNameOf(value),
});

const ExpiringConnection = connectionType("Expiring", () => Expirable, {
  nodes: false,
  edge: (prototype) => {
    field("tenant", () => Tenant, { description: "The tenant whose it is." })(prototype);
    field("expiresAt", () => GraphQLDateTime, { description: "When it ends." })(prototype);
  },
});

/** Something that ends, with the tenant whose it is. */
interface Expiring extends ExpiringRow {
  readonly node: object;
  readonly tenant: TenantRow;
}

/** What ends, itself; null where it is gone meanwhile. */
async function load({ loaders }: Context, row: ExpiringRow): Promise<Expiring | null> {
  const byType = {
    Certificate: loaders.certificate,
    ProvisioningProfile: loaders.provisioningProfile,
    AccessToken: loaders.accessToken,
  };
  const loader: { load(id: string): Promise<object | null> } = byType[typeNameOf(row) as keyof typeof byType];
  const [node, tenant] = await Promise.all([loader.load(row.id), loaders.tenant.load(row.tenantId)]);
  return node === null || tenant === null ? null : { ...row, node, tenant };
}

/** What ends soon in an organization. */
@Resolver(() => Organization)
export class OrganizationExpiringResolver {
  @FieldResolver(() => ExpiringConnection, {
    description:
      "Everything that ends within the days given, in this organization and all its sub-organizations, soonest first; as far as the viewer may see it.",
  })
  async expiring(
    @Root() organization: TenantRow,
    @Arg("withinDays", () => Int, {
      defaultValue: 30,
      description: `How many days ahead: 1 to ${EXPIRING_DAYS_MOST}.`,
    })
    withinDays: number,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() ctx: Context,
  ): Promise<Connection<Expiring>> {
    if (withinDays < 1 || withinDays > EXPIRING_DAYS_MOST) {
      throw new Denial("INVALID_INPUT", `\`withinDays\` must be 1 to ${EXPIRING_DAYS_MOST}.`);
    }
    const page = pageAfterPosition(organization.id, first, after, { withinDays }, POSITION);
    const { rows, hasNextPage } = await ctx.loaders.expiringByOrganization.load(page);
    const found = await Promise.all(rows.map((row) => load(ctx, row)));
    const there = found.filter((each) => each !== null);
    return positionedConnection({ rows: there, hasNextPage }, page, ({ node, tenant, expiresAt }) => ({
      ...{ node, tenant, expiresAt },
    }));
  }
}
