import { describe, expect, test } from "@jest/globals";
import { ROLE_PERMISSIONS } from "../../../src/auth/permissions.js";
import { grantOfRoles, Viewer, type Actor, type Grant } from "../../../src/auth/viewer.js";

const USER: Actor = { kind: "user", user: { id: "usr_1", email: "jane@acme.example", name: null } };
const ACME = { rootId: "org_a", id: "org_a" };
const WEB = { rootId: "org_a", id: "sub_web" };
const IOS = { rootId: "org_a", id: "sub_ios" };
const GLOBEX = { rootId: "org_g", id: "org_g" };

const viewerWith = (...grants: Grant[]): Viewer => new Viewer(USER, grants);
const ownedBy = ({ rootId, id }: typeof ACME) => ({ rootId, ownerId: id });

describe("a viewer with a role in the root", () => {
  const viewer = viewerWith(grantOfRoles("org_a", "org_a", ["MANAGER"]));

  test("stands in the root and all below it, and owns what they own", () => {
    expect([ACME, WEB, IOS, GLOBEX].map((tenant) => viewer.standsIn(tenant))).toEqual([true, true, true, false]);
    expect([ACME, WEB, IOS, GLOBEX].map((tenant) => viewer.owns(ownedBy(tenant)))).toEqual([true, true, true, false]);
  });

  test("may share in the root and nowhere else", () => {
    expect([ACME, WEB].map((tenant) => viewer.may("CREDENTIALS_SHARE", tenant))).toEqual([true, false]);
    expect(viewer.permissionsIn(WEB)).not.toContain("CREDENTIALS_SHARE");
    expect(viewer.permissionsIn(ACME)).toContain("CREDENTIALS_SHARE");
    expect(viewer.permissionsIn(GLOBEX)).toEqual([]);
  });

  test("is no owner", () => {
    expect(viewer.isOwnerOf(ACME)).toBe(false);
    expect(viewerWith(grantOfRoles("org_a", "org_a", ["OWNER"])).isOwnerOf(WEB)).toBe(true);
  });
});

describe("a viewer with a role in a sub-organization", () => {
  const viewer = viewerWith(grantOfRoles("org_a", "sub_web", ["OWNER"]));

  test("stands there alone, and owns nothing of the root or a sibling", () => {
    expect([ACME, WEB, IOS].map((tenant) => viewer.standsIn(tenant))).toEqual([false, true, false]);
    expect([ACME, WEB, IOS].map((tenant) => viewer.owns(ownedBy(tenant)))).toEqual([false, true, false]);
    expect([ACME, WEB, IOS].map((tenant) => viewer.isOwnerOf(tenant))).toEqual([false, true, false]);
    expect([ACME, WEB, IOS].map((tenant) => viewer.may("TENANT_MANAGE", tenant))).toEqual([false, true, false]);
  });

  test("does not stand in a tenant of the same id below another root", () => {
    expect(viewer.standsIn({ rootId: "org_g", id: "sub_web" })).toBe(false);
  });

  test("has a scope of its root and its tenant", () => {
    expect(viewer.scope).toEqual({ roots: ["org_a"], tenants: ["sub_web"] });
  });
});

describe("a viewer with several roles", () => {
  const viewer = viewerWith(
    grantOfRoles("org_a", "org_a", ["VIEWER"]),
    grantOfRoles("org_a", "sub_web", ["MANAGER", "VIEWER"]),
    grantOfRoles("org_g", "org_g", ["OPERATOR"]),
  );

  test("has them joined where they meet", () => {
    expect([ACME, WEB, IOS, GLOBEX].map((tenant) => viewer.rolesIn(tenant).sort().join())).toEqual([
      "VIEWER",
      "MANAGER,VIEWER",
      "VIEWER",
      "OPERATOR",
    ]);
    expect([ACME, WEB, IOS, GLOBEX].map((tenant) => viewer.may("CREDENTIALS_MANAGE", tenant))).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });

  test("has each root and tenant once in its scope", () => {
    expect(viewer.scope).toEqual({ roots: ["org_a", "org_g"], tenants: ["org_a", "sub_web", "org_g"] });
  });

  test("has the tenants of a permission by the grants that hold it", () => {
    expect(viewer.tenantsWith("CREDENTIALS_VIEW")).toEqual(["org_a", "sub_web", "org_g"]);
    expect(viewer.tenantsWith("SIGNING_MANAGE")).toEqual(["sub_web", "org_g"]);
    expect(viewer.tenantsWith("CREDENTIALS_MANAGE")).toEqual(["sub_web"]);
  });
});

describe("a viewer of nothing", () => {
  test("may nothing, nowhere", () => {
    const viewer = viewerWith();
    expect(viewer.scope).toEqual({ roots: [], tenants: [] });
    expect([viewer.standsIn(ACME), viewer.may("CREDENTIALS_VIEW", ACME), viewer.isOwnerOf(ACME)]).toEqual([
      false,
      false,
      false,
    ]);
    expect([viewer.permissionsIn(ACME), viewer.rolesIn(ACME), viewer.tenantsWith("AUDIT_VIEW")]).toEqual([[], [], []]);
    expect(viewer.label).toBe("jane@acme.example");
  });
});

describe("the table of permissions", () => {
  test("is the one of the design", () => {
    const view = ["CREDENTIALS_VIEW", "PUBLISH_VIEW", "SIGNING_VIEW"];
    const operate = [...view, "PUBLISH_MANAGE", "SIGNING_DOWNLOAD", "SIGNING_MANAGE"].sort();
    const manage = [
      ...operate,
      "AUDIT_VIEW",
      "CREDENTIALS_MANAGE",
      "CREDENTIALS_SHARE",
      "MEMBERS_MANAGE",
      "SIGNING_REVOKE",
      "TENANT_MANAGE",
      "TOKENS_MANAGE",
    ].sort();
    const table = Object.fromEntries(Object.entries(ROLE_PERMISSIONS).map(([role, held]) => [role, [...held].sort()]));
    expect(table).toEqual({ OWNER: manage, MANAGER: manage, OPERATOR: operate, VIEWER: view });
  });
});
