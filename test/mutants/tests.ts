import type { Tests } from "./mutant.js";

const RULES = "test/rules.test";
const OWNERSHIP = "test/api/ownership";
const READING = "test/api/reading";
const SHARING = ["test/api/sharing", "test/api/signing/sharing"];

/** By the beginning of a path: the tests that look at what its clauses hold, the quickest first. The longest beginning counts. */
const BY_PATH: Readonly<Record<string, readonly string[]>> = {
  "src/database/readable-by": [
    READING,
    ...SHARING,
    "test/api/signing/prepare-signing-access",
    "test/api/fan-out",
    "test/api/app-store-connect",
  ],
  "src/loaders/credential": [READING, ...SHARING, "test/api/tenant", "test/api/credential.test", RULES],
  "src/loaders/share": [READING, ...SHARING, "test/api/explain-access", RULES],
  "src/loaders/tenant": [READING, "test/api/tenant", "test/api/member", "test/api/signing/impact", ...SHARING, RULES],
  "src/loaders/member": [READING, "test/api/member", "test/api/node", RULES],
  "src/loaders/access-token": [READING, "test/api/access-token", RULES],
  "src/loaders/audit-event": [READING, "test/api/audit/events", "test/api/audit/denials", RULES],
  "src/loaders/apple": [
    READING,
    "test/api/apple/drift-access",
    "test/api/apple/device-access",
    ...SHARING,
    "test/api/app-store-connect",
    RULES,
  ],
  "src/loaders/signing": [
    READING,
    "test/api/signing/sharing",
    "test/api/signing/(certificate|profile)-list",
    "test/api/signing/impact",
    "test/api/signing/expiring",
    "test/api/signing/kept-as",
    "test/api/signing/signing-request",
    "test/api/signing/download",
    RULES,
  ],
  "src/services": [OWNERSHIP, "test/api/sharing", "test/api/signing/sharing", "test/api/tenant"],
  "src/services/apple": ["test/api/apple/(drift|device|bundle-id|fairness)", ...SHARING, "test/api/fan-out"],
  "src/services/member": [OWNERSHIP, "test/api/member"],
  "src/services/doctor": ["test/commands/doctor"],
  "src/services/idempotency": ["test/api/signing/certificate-idempotency"],
  "src/services/signing-key": [READING, ...SHARING, "test/api/unsharing"],
  "src/services/signing/export": ["test/api/signing/sharing", "test/api/signing/download"],
  "src/services/signing/kit": [
    READING,
    "test/api/signing/prepare-signing-access",
    "test/api/signing/prepare-signing.test",
    ...SHARING,
  ],
  "src/services/signing/certificate/revocation": ["test/api/signing/revoke-certificate"],
  "src/services/signing/certificate/certificate-renewal": ["test/api/signing/renew-certificate.test", OWNERSHIP],
  "src/services/signing/making": [
    "test/api/signing/certificate-idempotency",
    "test/api/signing/create-certificate",
    "test/api/signing/unfinished",
    "test/api/signing/(renew-profile|signing-request|crash|renew-certificate)",
  ],
  "src/services/signing/profile": [OWNERSHIP, "test/api/signing/profile-keeping", "test/api/signing/renew-profile"],
};

/** The tests that look at what the clauses of a source file hold. */
export function testsOf(path: string): Tests[] {
  const [beginning] = Object.keys(BY_PATH)
    .filter((each) => path.startsWith(each))
    .sort((a, b) => b.length - a.length);
  if (beginning === undefined) throw new Error(`Nothing says which tests look at ${path}`);
  return (BY_PATH[beginning] ?? []).map((file) => ({ file, title: null }));
}
