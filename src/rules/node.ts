import type { Context } from "../context.js";
import { Denial } from "../errors.js";
import { kindOf } from "../ids.js";
import { managesToken } from "./access-token.js";
import { seesCertificate } from "./certificate.js";
import { seesCredential } from "./credential.js";
import { managesMember } from "./member.js";
import { seesProfile } from "./provisioning-profile.js";
import { rule, type Verdict } from "./shield.js";
import { mayIn } from "./tenant.js";

/** The verdict on seeing anything by its id. Foreign and absent ids answer alike. */
export async function sees(ctx: Context, id: string): Promise<Verdict> {
  const { loaders, viewer } = ctx;
  const kind = kindOf(id);
  switch (kind) {
    case "organization":
    case "subOrganization":
      return (await loaders.tenant.load(id)) === null ? new Denial("NOT_FOUND") : true;
    case "member":
      return managesMember(ctx, await loaders.member.load(id));
    case "accessToken":
      if (viewer.actor.kind === "token" && viewer.actor.token.id === id) return true;
      return managesToken(ctx, await loaders.accessToken.load(id));
    case "credential":
      return seesCredential(await loaders.credential.load(id));
    case "share": {
      const share = await loaders.share.load(id);
      return mayIn(ctx, share && { id: share.rootId, rootId: share.rootId }, "CREDENTIALS_VIEW");
    }
    case "user":
      return viewer.actor.kind === "user" && viewer.actor.user.id === id ? true : new Denial("NOT_FOUND");
    case "auditEvent":
      return (await loaders.auditEvent.load(id)) === null ? new Denial("NOT_FOUND") : true;
    case "driftEvent":
      return (await loaders.driftEvent.load(id)) === null ? new Denial("NOT_FOUND") : true;
    case "certificate":
      return seesCertificate(await loaders.certificate.load(id));
    case "provisioningProfile":
      return seesProfile(await loaders.provisioningProfile.load(id));
    case "signingRequest": {
      const request = await loaders.signingRequest.load(id);
      return mayIn(ctx, request && { id: request.ownerId, rootId: request.rootId }, "SIGNING_VIEW");
    }
    case "signingIntent":
    case "dataKey":
    case null:
      return new Denial("NOT_FOUND");
  }
}

/** The viewer may see what the argument names, and it is of the kind that is asked for. */
export const seesNamed = (...kinds: NonNullable<ReturnType<typeof kindOf>>[]) =>
  rule<unknown, { id: string }>(`seesNamed ${kinds.join()}`, (_, { id }, ctx) => {
    const kind = kindOf(id);
    if (kinds.length > 0 && (kind === null || !kinds.includes(kind))) return new Denial("NOT_FOUND");
    return sees(ctx, id);
  });

/** The viewer may see such things in the tenant, and sees the subject whose access is to be explained. */
export const seesBothSides = rule<unknown, { tenantId: string; subjectId: string }>(
  "seesBothSides",
  async (_, { tenantId, subjectId }, ctx) => {
    const kind = kindOf(subjectId);
    const isKept = kind === "certificate" || kind === "provisioningProfile";
    const permission = isKept ? "SIGNING_VIEW" : "CREDENTIALS_VIEW";
    const tenant = mayIn(ctx, await ctx.loaders.tenant.load(tenantId), permission);
    if (tenant !== true) return tenant;
    return isKept || kind === "credential" ? sees(ctx, subjectId) : new Denial("NOT_FOUND");
  },
);
