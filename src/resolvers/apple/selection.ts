import type { GraphQLResolveInfo } from "graphql";
import { parseResolveInfo, type FieldsByTypeName, type ResolveTree } from "graphql-parse-resolve-info";
import type { AppleList } from "../../entities/apple/snapshot.js";

/** The lists, beside its own, that a query needs of what it selects below a list: they are asked for together. */
export function listsBelow(info: GraphQLResolveInfo, own: AppleList): AppleList[] {
  const lists = new Set<AppleList>([own]);
  const visit = ({ fieldsByTypeName }: { fieldsByTypeName: FieldsByTypeName }): void => {
    for (const [type, fields] of Object.entries(fieldsByTypeName)) {
      if (type === "AppleProvisioningProfile") lists.add("PROFILES");
      const selected: ResolveTree[] = Object.values(fields);
      // A profile comes with its bundle id, and not with what that may do.
      if (type === "AppleBundleId" && selected.some(({ name }) => name === "capabilities")) lists.add("BUNDLE_IDS");
      selected.forEach(visit);
    }
  };
  visit(parseResolveInfo(info) as ResolveTree);
  return [...lists];
}
