import { describe, expect, test } from "@jest/globals";
import { explain, type Circumstances } from "../../../src/auth/explain.js";

const SHARE = { id: "shr_1", uses: ["VIEW", "SIGN"], bundleIdentifiers: [], expiresAt: null, reaches: true } as const;

/** A tenant that uses a key which the root shares with it; `what` is what is other. */
function explained(what: Partial<Circumstances> = {}) {
  return explain({
    tenant: { id: "sub_web", name: "Web" },
    owner: { id: "org_a", name: "Acme" },
    subject: { kind: "key", rootId: "org_a", program: "APP_STORE", keyType: "TEAM" },
    share: SHARE,
    use: "VIEW",
    bundleIdentifier: null,
    bundleIdentifierIsWithin: true,
    viewer: { label: "jane@acme.example", roles: ["VIEWER"], may: () => true },
    ...what,
  });
}

describe("an explanation", () => {
  test("names the share and the role where they allow", () => {
    expect(explained()).toEqual({
      allowed: true,
      reasons: [
        'Grant: "Acme" shares the key with "Web" (share shr_1).',
        "Term uses: the share shr_1 allows VIEW, SIGN.",
        'Role: jane@acme.example (VIEWER) holds SIGNING_VIEW in "Web", which VIEW takes.',
      ],
    });
  });

  test("asks for no share of the tenant that owns the key", () => {
    const { allowed, reasons } = explained({ owner: { id: "sub_web", name: "Web" }, share: null });
    expect([allowed, reasons[0], reasons.length]).toEqual([true, 'Grant: "Web" owns the key.', 2]);
  });

  test("asks for no share of the root, to which the keys of its sub-organizations belong", () => {
    const root = { id: "org_a", name: "Acme" };
    const { allowed, reasons } = explained({ tenant: root, owner: { id: "sub_web", name: "Web" }, share: null });
    expect([allowed, reasons[0]]).toEqual([true, 'Grant: "Web" owns the key, and belongs to "Acme".']);
  });

  const over = new Date("2020-01-01T00:00:00Z");
  const REFUSALS: [what: string, circumstances: Partial<Circumstances>, reason: string][] = [
    ["no share", { share: null }, 'Grant: "Acme" owns the key and does not share it with "Web".'],
    [
      "a share with others",
      { share: { ...SHARE, reaches: false } },
      'Grant: "Acme" shares the key, but not with "Web" (share shr_1).',
    ],
    [
      "a share that is over",
      { share: { ...SHARE, expiresAt: over } },
      "Term expiresAt: the share shr_1 ended at 2020-01-01T00:00:00.000Z.",
    ],
    ["a use that the share leaves out", { use: "PUBLISH" }, "Term uses: the share shr_1 allows VIEW, SIGN."],
    [
      "a bundle identifier that the share leaves out",
      {
        share: { ...SHARE, bundleIdentifiers: ["com.acme.*"] },
        bundleIdentifier: "com.x",
        bundleIdentifierIsWithin: false,
      },
      "Term bundleIdentifiers: the share shr_1 is for com.acme.*.",
    ],
    [
      "an individual key",
      { subject: { kind: "key", rootId: "org_a", program: "APP_STORE", keyType: "INDIVIDUAL" } },
      "Limit INDIVIDUAL_KEY_CANNOT_SIGN: Apple lets individual keys do nothing with certificates and profiles.",
    ],
    [
      "publishing with an enterprise key",
      {
        subject: { kind: "key", rootId: "org_a", program: "ENTERPRISE", keyType: "TEAM" },
        use: "PUBLISH",
        share: { ...SHARE, uses: ["PUBLISH"] },
      },
      "Limit ENTERPRISE_KEY_CANNOT_PUBLISH: nothing is published with a key of the Enterprise Program.",
    ],
    [
      "a role that does not hold what the use takes",
      {
        use: "SIGN",
        viewer: { label: "jane", roles: ["VIEWER"], may: (permission) => permission !== "SIGNING_MANAGE" },
      },
      'Role: jane (VIEWER) lacks SIGNING_MANAGE in "Web", which SIGN takes.',
    ],
    [
      "a token that does not hold what the use takes",
      { viewer: { label: "CI", roles: [], may: () => false } },
      'Role: CI (token) lacks SIGNING_VIEW in "Web", which VIEW takes.',
    ],
  ];

  test.each(REFUSALS)("names alone what refuses: %s", (_, circumstances, reason) => {
    expect(explained(circumstances)).toEqual({ allowed: false, reasons: [reason] });
  });

  test("names all that refuse, in the order in which they are asked", () => {
    const { allowed, reasons } = explained({
      share: { ...SHARE, reaches: false, uses: ["SIGN"] },
      viewer: { label: "CI", roles: [], may: () => false },
    });
    expect(allowed).toBe(false);
    expect(reasons.map((reason) => reason.split(" ")[0])).toEqual(["Grant:", "Term", "Role:"]);
  });

  const CERTIFICATE = { kind: "certificate", rootId: "org_a", state: "VALID", hasPrivateKey: true } as const;
  const PROFILE = {
    kind: "profile",
    rootId: "org_a",
    state: "ACTIVE",
    bundleIdentifier: "com.acme.app",
    isForBundleIdentifier: true,
  } as const;

  test.each<[string, Circumstances["subject"], string]>([
    ["certificate", CERTIFICATE, "certificate"],
    ["profile", PROFILE, "profile"],
  ])("of a %s names it, and takes SIGNING_DOWNLOAD to sign", (_, subject, noun) => {
    expect(explained({ subject, use: "SIGN" })).toEqual({
      allowed: true,
      reasons: [
        `Grant: "Acme" shares the ${noun} with "Web" (share shr_1).`,
        "Term uses: the share shr_1 allows VIEW, SIGN.",
        'Role: jane@acme.example (VIEWER) holds SIGNING_DOWNLOAD in "Web", which SIGN takes.',
      ],
    });
    const viewer = { label: "CI", roles: [], may: (permission: string) => permission !== "SIGNING_DOWNLOAD" };
    expect(explained({ subject, use: "SIGN", viewer }).allowed).toBe(false);
    expect(explained({ subject, use: "VIEW", viewer }).allowed).toBe(true);
  });

  test.each<[string, Circumstances["subject"], string]>([
    ["a certificate without its private key", { ...CERTIFICATE, hasPrivateKey: false }, "Limit NO_PRIVATE_KEY:"],
    ["a certificate that is over", { ...CERTIFICATE, state: "EXPIRED" }, "Limit EXPIRED:"],
    ["a certificate that was revoked", { ...CERTIFICATE, state: "REVOKED" }, "Limit REVOKED:"],
    ["a profile that is over", { ...PROFILE, state: "EXPIRED" }, "Limit EXPIRED:"],
    ["a profile that is invalid", { ...PROFILE, state: "INVALID" }, "Limit INVALID:"],
    ["a profile for another app", { ...PROFILE, isForBundleIdentifier: false }, "Limit bundleIdentifier:"],
  ])("lets %s be seen, and not be used", (_, subject, reason) => {
    const { allowed, reasons } = explained({ subject, use: "SIGN", bundleIdentifier: "com.acme.app" });
    expect([allowed, reasons.length]).toEqual([false, 1]);
    expect(reasons[0]).toContain(reason);
    expect(explained({ subject, use: "VIEW" }).allowed).toBe(true);
  });

  test("says when a share will end", () => {
    const { allowed, reasons } = explained({ share: { ...SHARE, expiresAt: new Date("2999-01-01T00:00:00Z") } });
    expect([allowed, reasons[1]]).toEqual([true, "Term expiresAt: the share shr_1 ends at 2999-01-01T00:00:00.000Z."]);
  });

  test("says nothing of bundle identifiers where none is asked about", () => {
    const { reasons } = explained({
      share: { ...SHARE, bundleIdentifiers: ["com.acme.*"] },
      bundleIdentifierIsWithin: false,
    });
    expect(reasons.join()).not.toContain("bundleIdentifiers");
  });
});
