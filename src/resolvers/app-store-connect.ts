import type { GraphQLResolveInfo } from "graphql";
import { parseResolveInfo, type ResolveTree } from "graphql-parse-resolve-info";
import { Arg, Ctx, FieldResolver, Info, ObjectType, Resolver, Root } from "type-graphql";
import type { AppleBundleId as BundleIdRow } from "../apple/bundle-id.js";
import type { AppleCertificate as CertificateRow } from "../apple/certificate.js";
import type { AppleDevice as DeviceRow } from "../apple/device.js";
import type { AppleProfile } from "../apple/profile.js";
import type { RateLimit } from "../apple/rate-limit.js";
import type { Context } from "../context.js";
import type { Fetched } from "../loaders/app-store-connect.js";
import {
  AppleBundleId,
  AppleCertificate,
  AppleDevice,
  AppleProvisioningProfile,
  AppleRateLimit,
  CertificateType,
  DeviceStatus,
  Freshness,
  ProfileType,
} from "./apple-types.js";
import { AFTER, connectionType, field, FIRST, FirstType, pageOf, slice } from "./connection.js";

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
  description: "What Apple holds, read through a key. A list is null, with an entry in errors[], where Apple failed.",
})
export class AppStoreConnect {
  credentialId!: string;
}

/** Our word for a type of Apple's: an unknown one never fails. */
const known = <T extends string>(words: Record<T, T>, word: string): T | "OTHER" =>
  Object.hasOwn(words, word) ? (word as T) : "OTHER";
/** As `known`, for certificates: Apple adds variants (`DEVELOPER_ID_APPLICATION_G2`, `APPLE_PAY_RSA`) under the same word. */
const certificateType = (word: string) => {
  const words = Object.keys(CertificateType) as (keyof typeof CertificateType)[];
  const fitting = words.filter((candidate) => word === candidate || word.startsWith(`${candidate}_`));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? "OTHER";
};
const isOver = (date: Date | null): boolean => date !== null && date <= new Date();

const certificateOf = (row: CertificateRow): AppleCertificate => ({
  ...row,
  type: certificateType(row.appleType),
  state: isOver(row.expiresAt) ? "EXPIRED" : "VALID",
});
const deviceOf = ({ appleStatus, ...row }: DeviceRow): AppleDevice => ({
  ...row,
  status: known(DeviceStatus, appleStatus),
});
const profileOf = ({ appleState, ...row }: AppleProfile): AppleProvisioningProfile => ({
  ...row,
  type: known(ProfileType, row.appleType),
  state: isOver(row.expiresAt)
    ? "EXPIRED"
    : appleState === "ACTIVE"
      ? "ACTIVE"
      : appleState === "EXPIRED"
        ? "EXPIRED"
        : "INVALID",
  certificates: row.certificates.map(certificateOf),
  devices: row.devices.map(deviceOf),
});

/** The arguments of one of the lists. */
interface ListArgs {
  readonly first: number;
  readonly after: string | null | undefined;
}

/** The page of what Apple answered, mapped and narrowed; lists are whole, so a page is cut here. */
function pageOfFetched<Row, Type extends { appleId: string }>(
  { rows, asOf }: Fetched<Row>,
  { first, after }: ListArgs,
  map: (row: Row) => Type,
  fits: (item: Type) => boolean = () => true,
) {
  const page = pageOf("", first, after, null);
  const connection = slice(rows.map(map).filter(fits), (item) => item.appleId, page);
  return Object.assign(connection, { freshness: { asOf, stale: false, problem: null } });
}

/** Which of the relations the query selects of a list's items, through `nodes` or `edges`, fragments included. */
function selected<const R extends string>(info: GraphQLResolveInfo, relations: readonly R[]): R[] {
  const children = (trees: readonly ResolveTree[]): ResolveTree[] =>
    trees.flatMap((tree) => Object.values(tree.fieldsByTypeName).flatMap((fields) => Object.values(fields)));
  const named = (trees: readonly ResolveTree[], name: string) => trees.filter((tree) => tree.name === name);
  const list = children([parseResolveInfo(info) as ResolveTree]);
  const items = [...named(list, "nodes"), ...named(children(named(list, "edges")), "node")];
  const names = new Set(children(items).map((tree) => tree.name));
  return relations.filter((relation) => names.has(relation));
}

/** The lists of what Apple holds: each asked once a key and query, with what the query selects of it. */
@Resolver(() => AppStoreConnect)
export class AppStoreConnectResolver {
  @FieldResolver(() => AppleCertificateConnection, { nullable: true, description: "The certificates of the team." })
  async certificates(
    @Root() { credentialId }: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("type", () => CertificateType, { nullable: true, description: "Of this type alone." })
    type: string | null | undefined,
    @Ctx() { loaders }: Context,
  ) {
    const fetched = await loaders.appleCertificates.load({ credentialId, relations: [] });
    return pageOfFetched(fetched, { first, after }, certificateOf, (item) => !type || item.type === type);
  }

  @FieldResolver(() => AppleProvisioningProfileConnection, {
    nullable: true,
    description: "The provisioning profiles of the team.",
  })
  async provisioningProfiles(
    @Root() { credentialId }: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("type", () => ProfileType, { nullable: true, description: "Of this type alone." })
    type: string | null | undefined,
    @Arg("bundleIdentifier", () => String, { nullable: true, description: "For this bundle identifier alone." })
    identifier: string | null | undefined,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const relations = selected(info, ["bundleId", "certificates", "devices"]);
    if (identifier && !relations.includes("bundleId")) relations.push("bundleId");
    const fetched = await loaders.appleProfiles.load({ credentialId, relations });
    const fits = (item: AppleProvisioningProfile) =>
      (!type || item.type === type) && (!identifier || item.bundleId?.identifier === identifier);
    return pageOfFetched(fetched, { first, after }, profileOf, fits);
  }

  @FieldResolver(() => AppleBundleIdConnection, { nullable: true, description: "The bundle ids of the team." })
  async bundleIds(
    @Root() { credentialId }: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("identifier", () => String, { nullable: true, description: "With exactly this identifier." })
    identifier: string | null | undefined,
    @Ctx() { loaders }: Context,
    @Info() info: GraphQLResolveInfo,
  ) {
    const fetched = await loaders.appleBundleIds.load({ credentialId, relations: selected(info, ["capabilities"]) });
    const map = (row: BundleIdRow): AppleBundleId => row;
    return pageOfFetched(fetched, { first, after }, map, (item) => !identifier || item.identifier === identifier);
  }

  @FieldResolver(() => AppleDeviceConnection, { nullable: true, description: "The devices of the team." })
  async devices(
    @Root() { credentialId }: AppStoreConnect,
    @Arg("first", FirstType, FIRST) first: number,
    @Arg("after", () => String, AFTER) after: string | null | undefined,
    @Arg("status", () => DeviceStatus, { nullable: true, description: "With this status alone." })
    status: string | null | undefined,
    @Ctx() { loaders }: Context,
  ) {
    const fetched = await loaders.appleDevices.load({ credentialId, relations: [] });
    return pageOfFetched(fetched, { first, after }, deviceOf, (item) => !status || item.status === status);
  }

  @FieldResolver(() => AppleRateLimit, {
    nullable: true,
    description: "Apple's hourly budget of this key, as last reported; null before the first call.",
  })
  rateLimit(@Root() { credentialId }: AppStoreConnect, @Ctx() { loaders }: Context): Promise<RateLimit | null> {
    return loaders.appleRateLimit(credentialId);
  }
}
