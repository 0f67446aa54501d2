import type { Found } from "../loaders/batch.js";
import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from "type-graphql";
import { GraphQLDateTime } from "graphql-scalars";
import type { Context } from "../context.js";
import { Credential, CredentialHealth } from "../entities/credential.js";
import { Share } from "../entities/share.js";
import { Tenant } from "../entities/tenant.js";
import { Denial } from "../errors.js";
import type { BriefCredential, CredentialRow } from "../loaders/credential.js";
import type { ShareRow } from "../loaders/share.js";
import type { TenantRow } from "../loaders/tenant.js";
import * as credentials from "../services/credential.js";
import { AppStoreConnect } from "./apple/app-store-connect.js";
import { AFTER, connectionOf, FIRST, FirstType, pageOf, searchOf, type Connection } from "./connection.js";
import {
  CreateCredentialInput,
  CreateCredentialPayload,
  CredentialFilter,
  DeleteCredentialInput,
  DeleteCredentialPayload,
  RotateCredentialInput,
  RotateCredentialPayload,
  TenantCredentialConnection,
  UpdateCredentialInput,
  UpdateCredentialPayload,
  VerifyCredentialInput,
  VerifyCredentialPayload,
} from "./credential-input.js";
import { answer, INPUT } from "./payload.js";
import { nodesNeedOnly } from "./selection.js";

/** Fields of a key in a list for which a `BriefCredential` is enough. */
const IN_BRIEF: ReadonlySet<string> = new Set([
  ...["__typename", "id", "name", "program", "keyId", "owner", "share", "lastUsedAt", "appStoreConnect"],
  ...["viewerCanUpdate", "viewerCanDelete", "viewerCanShare"],
]);

/** The keys of every tenant. */
@Resolver(() => Tenant)
export class TenantCredentialsResolver {
  @FieldResolver(() => TenantCredentialConnection, { description: "Keys of this tenant and keys shared with it." })
  async credentials(
    @Root() tenant: TenantRow,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("filter", () => CredentialFilter, { nullable: true, description: "Only those that fit all of it." })
    filter: CredentialFilter | null | undefined,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<BriefCredential>> {
    const { search, program = null, shared = null, status = null } = filter ?? {};
    const page = pageOf(tenant.id, first, after, { search: searchOf(search) || null, program, shared, status });
    const lists = nodesNeedOnly(info, IN_BRIEF) ? loaders.credentialsByTenantInBrief : loaders.credentialsByTenant;
    return connectionOf<BriefCredential>(await lists.load(page), page, ({ tag }) => ({ tag }));
  }
}

/** App Store Connect API keys. */
@Resolver(() => Credential)
export class CredentialResolver {
  @Query(() => Credential, { nullable: true, description: "A key by its id." })
  credential(
    @Arg("id", () => ID, { description: "Its id." }) id: string,
    @Ctx() ctx: Context,
  ): Promise<CredentialRow | null> {
    return ctx.loaders.credential.load(id);
  }

  @FieldResolver(() => Tenant, { description: "Whose key it is: the root organization's where it came by a share." })
  owner(@Root() { ownerId }: BriefCredential, @Ctx() ctx: Context): Found<TenantRow | null> {
    return ctx.loaders.tenant.find(ownerId);
  }

  @FieldResolver(() => Share, {
    nullable: true,
    description: "How this key is shared; null for whoever may not see that.",
  })
  share(@Root() { id, rootId }: BriefCredential, @Ctx() ctx: Context): Promise<ShareRow | null> | null {
    return ctx.viewer.may("CREDENTIALS_VIEW", { id: rootId, rootId }) ? ctx.loaders.shareBySubject.load(id) : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may rename, rotate and verify it." })
  viewerCanUpdate(@Root() { ownerId, rootId }: BriefCredential, @Ctx() { viewer }: Context): boolean {
    return viewer.may("CREDENTIALS_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may delete it." })
  viewerCanDelete(@Root() { ownerId, rootId }: BriefCredential, @Ctx() { viewer }: Context): boolean {
    return viewer.may("CREDENTIALS_MANAGE", { id: ownerId, rootId });
  }

  @FieldResolver(() => Boolean, { description: "Whether the viewer may share and unshare it." })
  viewerCanShare(@Root() { ownerId, rootId }: BriefCredential, @Ctx() { viewer }: Context): boolean {
    return viewer.may("CREDENTIALS_SHARE", { id: ownerId, rootId });
  }

  @FieldResolver(() => CredentialHealth, { description: "Outcome of the last check against Apple." })
  health(@Root() { healthStatus, healthAdvice, healthCheckedAt }: CredentialRow): CredentialHealth {
    return { status: healthStatus, advice: healthAdvice, checkedAt: healthCheckedAt };
  }

  @FieldResolver(() => GraphQLDateTime, {
    nullable: true,
    description: "When Apple was last asked with it, to the minute; null where it never was.",
  })
  async lastUsedAt(@Root() { id }: BriefCredential, @Ctx() ctx: Context): Promise<Date | null> {
    return (await ctx.loaders.lastUseOfCredential.load(id))?.lastUsedAt ?? null;
  }

  @FieldResolver(() => AppStoreConnect, {
    description: "What Apple holds for this key, at most maxAgeSeconds old where Apple answers; 0 always asks Apple.",
  })
  appStoreConnect(
    @Root() { id }: BriefCredential,
    @Arg("maxAgeSeconds", () => Int, { defaultValue: 300, description: "How old the answer may be, in seconds." })
    maxAgeSeconds: number,
  ): AppStoreConnect {
    if (maxAgeSeconds < 0) throw new Denial("INVALID_INPUT", "`maxAgeSeconds` must not be negative.");
    return { credentialId: id, maxAgeSeconds };
  }

  @Mutation(() => CreateCredentialPayload, {
    description: "Adds a key. Apple is asked first unless `verify` is false; a key that Apple refuses is not saved.",
  })
  createCredential(
    @Arg("input", () => CreateCredentialInput, INPUT) input: CreateCredentialInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ credential: await found(ctx, await credentials.create(ctx, input)) }));
  }

  @Mutation(() => UpdateCredentialPayload, { description: "Renames a key." })
  updateCredential(
    @Arg("input", () => UpdateCredentialInput, INPUT) input: UpdateCredentialInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ credential: await found(ctx, await credentials.rename(ctx, input)) }));
  }

  @Mutation(() => RotateCredentialPayload, {
    description: "A new .p8 behind the same id: shares, links and history stay.",
  })
  rotateCredential(
    @Arg("input", () => RotateCredentialInput, INPUT) input: RotateCredentialInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ credential: await found(ctx, await credentials.rotate(ctx, input)) }));
  }

  @Mutation(() => VerifyCredentialPayload, {
    description: "Asks Apple about a key now; the outcome is the key's `health`.",
  })
  verifyCredential(
    @Arg("input", () => VerifyCredentialInput, INPUT) input: VerifyCredentialInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ credential: await found(ctx, await credentials.verify(ctx, input)) }));
  }

  @Mutation(() => DeleteCredentialPayload, { description: "Deletes a key. Apple keeps its side: revoke it there too." })
  deleteCredential(
    @Arg("input", () => DeleteCredentialInput, INPUT) input: DeleteCredentialInput,
    @Ctx() ctx: Context,
  ) {
    return answer(ctx, input, async () => ({ deletedId: await credentials.remove(ctx, input) }));
  }
}

/** A key after a write, read anew. */
function found(ctx: Context, id: string): Promise<CredentialRow | null> {
  ctx.refresh();
  return ctx.loaders.credential.load(id);
}
