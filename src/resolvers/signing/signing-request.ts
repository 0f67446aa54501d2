import { Arg, Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { Certificate } from "../../entities/signing/certificate.js";
import { SigningRequest } from "../../entities/signing/signing-request.js";
import { Tenant } from "../../entities/tenant.js";
import type { CertificateRow } from "../../loaders/signing/certificate.js";
import type { SigningRequestRow } from "../../loaders/signing/signing-request.js";
import type { TenantRow } from "../../loaders/tenant.js";
import { AFTER, connectionOf, connectionType, FIRST, FirstType, pageOf, type Connection } from "../connection.js";

const SigningRequestConnection = connectionType("SigningRequest", () => SigningRequest);

/** The signing requests of every tenant. */
@Resolver(() => Tenant)
export class TenantSigningRequestsResolver {
  @FieldResolver(() => SigningRequestConnection, { description: "Its certificate signing requests." })
  async signingRequests(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Ctx() { loaders }: Context,
  ): Promise<Connection<SigningRequestRow>> {
    const page = pageOf(tenant.id, first, after, null);
    return connectionOf(await loaders.signingRequestsByTenant.load(page), page);
  }
}

/** Certificate signing requests. */
@Resolver(() => SigningRequest)
export class SigningRequestResolver {
  @FieldResolver(() => Certificate, {
    nullable: true,
    description: "The certificate that was made from it; null: none yet.",
  })
  async certificate(
    @Root() { certificateId }: SigningRequestRow,
    @Ctx() { loaders }: Context,
  ): Promise<CertificateRow | null> {
    const certificate = certificateId === null ? null : await loaders.certificate.load(certificateId);
    return certificate?.viewable === true ? certificate : null;
  }
}
