import type { GraphQLResolveInfo } from "graphql";
import { Arg, Ctx, FieldResolver, Info, ObjectType, Resolver, Root } from "type-graphql";
import type { Context } from "../../context.js";
import { AppleBundleId } from "../../entities/apple/bundle-id.js";
import { AppleCertificate, CertificateType } from "../../entities/apple/certificate.js";
import { AppleDevice, DeviceStatus } from "../../entities/apple/device.js";
import { AppleProvisioningProfile, ProfileType } from "../../entities/apple/provisioning-profile.js";
import type { AppleList } from "../../entities/apple/snapshot.js";
import type { Listed, ListKey, Page, Loader } from "../../loaders/batch.js";
import {
  AFTER,
  connectionType,
  field,
  FIRST,
  FirstType,
  pageAfterPosition,
  positionedConnection,
} from "../connection.js";
import { AppleRateLimit, Freshness, freshnessOf } from "./freshness.js";
import { listsBelow } from "./selection.js";

const freshness = field("freshness", () => Freshness, { description: "How old this answer is." });
const AppleCertificateConnection = connectionType("AppleCertificate", () => AppleCertificate, {
  connection: freshness,
});
const AppleProvisioningProfileConnection = connectionType("AppleProvisioningProfile", () => AppleProvisioningProfile, {
  connection: freshness,
});
const AppleBundleIdConnection = connectionType("AppleBundleId", () => AppleBundleId, { connection: freshness });
const AppleDeviceConnection = connectionType("AppleDevice", () => AppleDevice, { connection: freshness });

/** What Apple holds, read through a key. */
@ObjectType({
  description:
    "What Apple holds, read through a key and kept. A list is null, with an entry in errors[], only where Apple failed and nothing was ever fetched.",
})
export class AppStoreConnect {
  credentialId!: string;
  maxAgeSeconds!: number;
}

/** Which page of which list is asked for. */
interface Asked<Filter> {
  readonly list: AppleList;
  readonly first: number;
  readonly after: string | null | undefined;
  readonly filter: Filter;
}

/** A page of a list and how old it is: read as it is kept, and once more where it had to be renewed. */
async function answer<Row extends { readonly position: number | null }, Filter>(
  { credentialId, maxAgeSeconds }: AppStoreConnect,
  { list, first, after, filter }: Asked<Filter>,
  pages: (context: Context) => Loader<ListKey<Filter>, Page<Listed<Row>>, string>,
  ctx: Context,
  info: GraphQLResolveInfo,
) {
  const page = pageAfterPosition(credentialId, first, after, filter);
  const loader = pages(ctx);
  const kept = loader.load(page);
  kept.catch(() => undefined); // Awaited below, unless the lists cannot be had at all.
  const prepared = await Promise.all(
    listsBelow(info, list).map((needed) =>
      ctx.loaders.applePrepared.load({ credentialId, list: needed, maxAgeSeconds }),
    ),
  );
  const isNew = prepared.some((each) => each.isNew);
  const rows = isNew ? await loader.clear(page).load(page) : await kept;
  return Object.assign(positionedConnection(rows, page), { freshness: freshnessOf(prepared) });
}

/** The lists of what Apple holds. */
@Resolver(() => AppStoreConnect)
export class AppStoreConnectResolver {
  @FieldResolver(() => AppleCertificateConnection, { nullable: true, description: "The certificates of the team." })
  certificates(
    @Root() source: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("type", () => CertificateType, { nullable: true, description: "Of this type alone." })
    type: CertificateType | null | undefined,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const asked: Asked<{ type: CertificateType | null }> = {
      list: "CERTIFICATES",
      first,
      after,
      filter: { type: type ?? null },
    };
    return answer(source, asked, ({ loaders }) => loaders.appleCertificates, ctx, info);
  }

  @FieldResolver(() => AppleProvisioningProfileConnection, {
    nullable: true,
    description: "The provisioning profiles of the team.",
  })
  provisioningProfiles(
    @Root() source: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("type", () => ProfileType, { nullable: true, description: "Of this type alone." })
    type: ProfileType | null | undefined,
    @Arg("bundleIdentifier", () => String, { nullable: true, description: "For this bundle identifier alone." })
    identifier: string | null | undefined,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const filter = { type: type ?? null, identifier: textOf(identifier) };
    const asked: Asked<typeof filter> = { list: "PROFILES", first, after, filter };
    return answer(source, asked, ({ loaders }) => loaders.appleProfiles, ctx, info);
  }

  @FieldResolver(() => AppleBundleIdConnection, { nullable: true, description: "The bundle ids of the team." })
  bundleIds(
    @Root() source: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("identifier", () => String, { nullable: true, description: "With exactly this identifier." })
    identifier: string | null | undefined,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const filter = { identifier: textOf(identifier) };
    const asked: Asked<typeof filter> = { list: "BUNDLE_IDS", first, after, filter };
    return answer(source, asked, ({ loaders }) => loaders.appleBundleIds, ctx, info);
  }

  @FieldResolver(() => AppleDeviceConnection, { nullable: true, description: "The devices of the team." })
  devices(
    @Root() source: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("status", () => DeviceStatus, { nullable: true, description: "With this status alone." })
    status: DeviceStatus | null | undefined,
    @Ctx() ctx: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const filter = { status: status ?? null };
    const asked: Asked<typeof filter> = { list: "DEVICES", first, after, filter };
    return answer(source, asked, ({ loaders }) => loaders.appleDevices, ctx, info);
  }

  @FieldResolver(() => AppleRateLimit, {
    nullable: true,
    description: "Apple's hourly budget of this key, as last reported; null before the first call.",
  })
  async rateLimit(@Root() { credentialId }: AppStoreConnect, @Ctx() { loaders }: Context) {
    // The lists of the same selection are asked for in this turn of the event loop; what they cost is told with them.
    await new Promise(setImmediate);
    await loaders.appleSettled(credentialId);
    return loaders.appleBudget.clear(credentialId).load(credentialId);
  }
}

/** PostgreSQL's text holds no NUL. */
const textOf = (text: string | null | undefined): string | null => text?.replaceAll("\u0000", "\ufffd") || null;
