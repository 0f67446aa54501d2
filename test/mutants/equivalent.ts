const CHECKED_BEFORE = "the statement before it in the same transaction has locked the row by the same condition";
const BY_ITS_OWN_ID = "the row is named by its id, which the intent of the same owner has noted";

/** A mutant that no test can tell from the original: part of where it was and of what was taken away, and why. */
export const EQUIVALENT: readonly (readonly [place: string, what: string, why: string])[] = [
  [
    "src/rules/index.ts",
    "viewer: isSignedIn",
    "the rule always allows: who is not signed in gets no further than HTTP",
  ],
  ["src/rules/index.ts", "nodes: isSignedIn", "the rule always allows: who is not signed in gets no further than HTTP"],
  [
    "src/loaders/shareable.ts",
    "k.owner_id = k.root_id",
    "a constraint holds that only what the root owns is shared: it saves looking for a share",
  ],
  [
    "src/services/share.ts",
    'ownedWhere("owner_id", item.id, scope)',
    "what follows in the transaction shares what the root owns, or takes all back",
  ],
  [
    "src/services/doctor.ts",
    "ownedWhere",
    "an operator's command goes through the keys of each organization, in the scope of it",
  ],
  ["certificate-keeping.ts", "ownedWhere", CHECKED_BEFORE],
  ["profile-deletion.ts", "ownedWhere", CHECKED_BEFORE],
  ["services/signing/signing-request.ts", "ownedWhere", CHECKED_BEFORE],
  ["making/profile-making.ts", "owner_id = $2", BY_ITS_OWN_ID],
  ["making/certificate-making.ts:21", "owner_id = $2", BY_ITS_OWN_ID],
  ["making/certificate-making.ts:36", "owner_id = $2", BY_ITS_OWN_ID],
  [
    "src/loaders/apple/list.ts:51",
    "withKeysToView",
    "asked for things alone that a list through usable keys has given to the same request",
  ],
  [
    "making/intent.ts:55",
    "owner_id = $2",
    "a public key that is waited for is of one signing request, which is of that tenant",
  ],
  ["making/intent.ts:67", "owner_id = $2", "what it was begun as is a hash of the tenant's id and more"],
  [
    "services/sub-organization.ts:74",
    "root_id = ANY (:tenants)",
    "a share without all has none but for what was just deleted, by whoever stands in its root",
  ],
  [
    "signing/certificate/certificate-renewal.ts:92",
    "owner_id = $2",
    "what renews a certificate, which is named by its id, is of that certificate's owner",
  ],
  ["services/idempotency.ts:28", "tenant_id = $2", "it forgets what is over, which is over in every tenant"],
];
