import { Ctx, Field, FieldResolver, ObjectType, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { ProvisioningProfile } from "../../entities/signing/provisioning-profile.js";
import { SubOrganization } from "../../entities/sub-organization.js";
import type { CertificateRow } from "../../loaders/signing/certificate.js";
import type { TenantRow } from "../../loaders/tenant.js";
import { MADE_THROUGH_KEYS } from "../../services/signing/certificate/certificate.js";
import { PAGE_MOST } from "../connection.js";
import { UserError } from "../payload.js";

@ObjectType({ simpleResolvers: true, description: "What a renewal would touch, before anything is done." })
class RenewalPreview {
  @Field(() => Certificate, { description: "The certificate that would be renewed." })
  replaces!: unknown;

  @Field(() => [ProvisioningProfile], {
    description: `The kept profiles that hold it, as far as the viewer sees them: ${PAGE_MOST} at most.`,
  })
  provisioningProfiles!: unknown[];

  @Field(() => [SubOrganization], {
    description: `The sub-organizations that keep such profiles, or with which it is shared: ${PAGE_MOST} at most of each.`,
  })
  subOrganizations!: unknown[];

  @Field(() => [UserError], { description: "What stands in the way; empty where nothing is known to." })
  blockers!: UserError[];
}

/** What renewals would touch. */
@Resolver(() => Certificate)
export class RenewalPreviewResolver {
  @FieldResolver(() => RenewalPreview, { description: "What a renewal would touch, before anything is done." })
  async renewalPreview(@Root() certificate: CertificateRow, @Ctx() ctx: Context): Promise<RenewalPreview> {
    const page = { first: PAGE_MOST, after: null, filter: null };
    const { rows } = await ctx.loaders.profilesByCertificate.load({ ...page, key: certificate.id });
    const provisioningProfiles = rows.filter(({ state }) => state !== "EXPIRED");
    const [blockers, owners, reached] = await Promise.all([
      blockersOf(ctx, certificate, provisioningProfiles),
      Promise.all(provisioningProfiles.map(({ ownerId }) => ctx.loaders.tenant.load(ownerId))),
      reachedBy(ctx, certificate),
    ]);
    const touched = [...owners, ...reached].filter((tenant) => tenant !== null && tenant.id !== tenant.rootId);
    const subOrganizations = [...new Map(touched.map((tenant) => [tenant?.id, tenant])).values()];
    return { replaces: certificate, provisioningProfiles, subOrganizations, blockers };
  }
}

/** The sub-organizations that it is shared with; nobody for whoever may not see that. */
async function reachedBy({ loaders, viewer }: Context, { id, rootId }: CertificateRow): Promise<readonly TenantRow[]> {
  if (!viewer.may("CREDENTIALS_VIEW", { id: rootId, rootId })) return [];
  const share = await loaders.shareBySubject.load(id);
  if (share === null) return [];
  const page = { first: PAGE_MOST, after: null };
  const reached = share.withAllSubOrganizations
    ? loaders.subOrganizationsByOrganization.load({ ...page, key: rootId, filter: { search: "" } })
    : loaders.subOrganizationsByShare.load({ ...page, key: share.id, filter: null });
  return (await reached).rows;
}

async function blockersOf(
  { loaders, viewer }: Context,
  certificate: CertificateRow,
  profiles: readonly { readonly name: string; readonly id: string; readonly credentialId: string | null }[],
): Promise<UserError[]> {
  const blockers: UserError[] = [];
  const block = (code: UserError["code"], message: string): void => void blockers.push({ code, message, field: null });
  const { ownerId, rootId, credentialId, type } = certificate;
  if (!viewer.owns(certificate)) block("SHARED_FROM_ROOT", "The root organization shared it, and renews it.");
  else if (!viewer.may("SIGNING_MANAGE", { id: ownerId, rootId }))
    block("FORBIDDEN", "Renewing takes SIGNING_MANAGE here.");
  if (!MADE_THROUGH_KEYS.includes(type)) {
    block("NOT_RENEWABLE", "Apple does not make certificates of this type through a key.");
  }
  const key = credentialId === null ? null : await loaders.credential.load(credentialId);
  if (key === null) {
    block("NOT_RENEWABLE", "The key it was made through is not known here: name one as credentialId.");
  } else if (BROKEN.has(key.healthStatus)) {
    block(
      "APPLE_KEY_REJECTED",
      `The key "${key.name}" does not work at present: ${key.healthAdvice ?? key.healthStatus}`,
    );
  }
  for (const profile of profiles.filter((each) => each.credentialId === null)) {
    block(
      "NOT_RENEWABLE",
      `The profile "${profile.name}" (${profile.id}) was uploaded: it is renewed where a key reaches its team.`,
    );
  }
  return blockers;
}

const BROKEN: ReadonlySet<string> = new Set(["KEY_REJECTED", "WRONG_PROGRAM", "ROLE_TOO_NARROW", "AGREEMENT_MISSING"]);
