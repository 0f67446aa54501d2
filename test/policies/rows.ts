/** Where a unit of work may stand: in one of two organizations, in a sub-organization of the first, or nowhere. */
export const PLACES = ["nowhere", "Acme", "Web", "Apps", "Globex"] as const;
export type Place = (typeof PLACES)[number];

/** The organization and the tenant of each place. */
export const TENANTS: Readonly<Record<Exclude<Place, "nowhere">, { readonly root: string; readonly id: string }>> = {
  Acme: { root: "org_acme", id: "org_acme" },
  Web: { root: "org_acme", id: "sub_web" },
  Apps: { root: "org_acme", id: "sub_apps" },
  Globex: { root: "org_globex", id: "org_globex" },
};

/** A row, and where one has to stand to do what with it. */
export interface PolicyRow {
  readonly table: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly read: readonly Place[];
  readonly insert: readonly Place[];
  readonly update: readonly Place[];
  readonly delete: readonly Place[];
}

/** A column of each table that an UPDATE sets without reading any, with the value; whether it may is not the question. */
export const BLIND: Readonly<Record<string, readonly [column: string, value: string]>> = {
  access_tokens: ["last_used_at", "now()"],
  apple_budgets: ["refusals", "7"],
  apple_bundle_ids: ["name", "'set'"],
  apple_calls: ["calls", "7"],
  apple_certificates: ["name", "'set'"],
  apple_devices: ["name", "'set'"],
  apple_profile_certificates: ["place", "7"],
  apple_profile_devices: ["place", "7"],
  apple_provisioning_profiles: ["name", "'set'"],
  apple_snapshots: ["attempts", "7"],
  audit_events: ["actor_label", "'set'"],
  audit_heads: ["hash", "'set'"],
  certificates: ["name", "'set'"],
  credential_uses: ["last_used_at", "now()"],
  credentials: ["name", "'set'"],
  data_keys: ["wrapped", "'set'"],
  drift_events: ["label", "'set'"],
  idempotent_requests: ["input_hash", "'set'"],
  members: ["roles", "'{OWNER}'"],
  provisioning_profiles: ["name", "'set'"],
  share_targets: ["share_id", "'set'"],
  shares: ["uses", "'{VIEW,SIGN}'"],
  signing_intents: ["looks", "7"],
  signing_requests: ["country", "'set'"],
  tenants: ["name", "'set'"],
};

type Values = Readonly<Record<string, unknown>>;
const LATER = "2999-01-01T00:00:00Z";
const NONE: readonly Place[] = [];

/** How a thing of a tenant is shared. */
type Sharing = "nobody" | "Web" | "all" | "nobody any more";

const SEEN_BELOW: Readonly<Record<Sharing, readonly Place[]>> = {
  nobody: [],
  Web: ["Web"],
  all: ["Web", "Apps"],
  "nobody any more": [],
};

/** Rows of one owner: those who stand in it, or in the root above it, write them. */
class Owner {
  readonly root: string;
  readonly id: string;
  readonly #writers: readonly Place[];
  /** Everybody in the organization. */
  readonly #organization: readonly Place[];

  constructor(readonly place: Exclude<Place, "nowhere">) {
    ({ root: this.root, id: this.id } = TENANTS[place]);
    this.#writers = this.root === "org_acme" && place !== "Acme" ? ["Acme", place] : [place];
    this.#organization = this.root === "org_acme" ? ["Acme", "Web", "Apps"] : ["Globex"];
  }

  rows(): PolicyRow[] {
    const { id, root } = this;
    const isRoot = id === root;
    const theRoot = this.#writers.slice(0, 1);
    const sharings: Sharing[] = this.place === "Acme" ? ["nobody", "Web", "all", "nobody any more"] : ["nobody"];
    const day = { expires_at: LATER };
    const person = { tenant_id: id, actor_id: `usr_${id}` };
    return [
      {
        ...this.#row("tenants", { id, kind: isRoot ? "ORGANIZATION" : "SUB_ORGANIZATION", name: id, name_key: id }),
        read: isRoot ? this.#organization : this.#writers,
        insert: theRoot,
        delete: isRoot ? NONE : theRoot,
      },
      {
        ...this.#row("members", { id: `mem_${id}`, tenant_id: id, email: `${id}@example.org`, roles: ["VIEWER"] }),
        read: isRoot ? this.#organization : this.#writers,
      },
      this.#row("access_tokens", {
        ...{ id: `tok_${id}`, tenant_id: id, name: "CI", preview: "cs_", permissions: [], ...day },
        token_hash: Buffer.alloc(32, id),
      }),
      ...sharings.flatMap((sharing) => this.#shareable(sharing)),
      this.#row("signing_requests", {
        ...{ id: `csr_${id}`, owner_id: id, common_name: "CI", email: "ci@example.org", country: "DE" },
        ...{ csr_pem: "", public_key_sha256: "", sealed_key: Buffer.alloc(1) },
      }),
      this.#row("signing_intents", {
        ...{ id: `int_${id}`, owner_id: id, credential_id: `cred_${id}_nobody`, kind: "PROFILE", state: "FAILED" },
        ...{ wanted: "{}", actor: "{}" },
      }),
      this.#row("idempotent_requests", { ...person, operation: "createCertificate", key: "once", input_hash: "" }),
      {
        ...this.#row("audit_events", {
          ...{
            ...person,
            id: `aud_${id}`,
            seq: PLACES.indexOf(this.place),
            at: LATER,
            action: "key.used",
            outcome: "DONE",
          },
          ...{ actor_label: "jane", details: "{}", hash: "" },
        }),
        ...{ update: NONE, delete: NONE },
      },
      ...(isRoot ? this.#ofOrganization() : []),
    ];
  }

  #ofOrganization(): PolicyRow[] {
    const all = this.#organization;
    return [
      {
        ...this.#row("data_keys", { id: `dek_${this.id}`, wrapped: Buffer.alloc(1), key_label: "local:test" }),
        ...{ read: all, insert: all, update: NONE, delete: NONE },
      },
      {
        ...this.#row("audit_heads", { seq: 1, hash: "" }),
        ...{ read: all, insert: all, update: all, delete: all },
      },
    ];
  }

  /** A key, a certificate and a profile that are shared in one way, and what there is with them. */
  #shareable(sharing: Sharing): PolicyRow[] {
    const suffix = `${this.id}_${sharing.replaceAll(" ", "_")}`;
    const [key, certificate, profile] = [`cred_${suffix}`, `cert_${suffix}`, `prof_${suffix}`];
    const read = [...this.#writers, ...SEEN_BELOW[sharing]];
    const seen = (table: string, values: Values): PolicyRow => ({
      ...this.#row(table, { owner_id: this.id, ...values }),
      read,
    });
    const ofKey = { credential_id: key };
    return [
      seen("credentials", {
        ...{ id: key, name: key, program: "APP_STORE", key_type: "TEAM", key_id: key, issuer_id: "issuer" },
        ...{ fingerprint: "", sealed_key: Buffer.alloc(1) },
      }),
      {
        ...this.#row("credential_uses", { ...ofKey, last_used_at: LATER }),
        read,
        insert: read,
        update: read,
        delete: read,
      },
      seen("apple_snapshots", { ...ofKey, list: "DEVICES" }),
      seen("apple_certificates", { ...ofKey, ...APPLES, name: "", type: "", apple_type: "", serial_number: "" }),
      seen("apple_bundle_ids", { ...ofKey, ...APPLES, identifier: "", name: "", platform: "" }),
      seen("apple_devices", { ...ofKey, ...APPLES, name: "", udid: "", device_class: "", platform: "", status: "" }),
      seen("apple_provisioning_profiles", {
        ...ofKey,
        ...APPLES,
        name: "",
        uuid: "",
        type: "",
        apple_type: "",
        apple_state: "",
      }),
      seen("apple_profile_certificates", { ...ofKey, profile_id: "APPLE1", certificate_id: "APPLE1", place: 0 }),
      seen("apple_profile_devices", { ...ofKey, profile_id: "APPLE1", device_id: "APPLE1", place: 0 }),
      seen("apple_budgets", ofKey),
      this.#row("apple_calls", { ...ofKey, owner_id: this.id, tenant_id: this.id, slot: LATER, calls: 1 }),
      seen("drift_events", { ...ofKey, id: `drift_${suffix}`, kind: "", apple_id: "APPLE1", label: "" }),
      seen("certificates", {
        ...{ id: certificate, name: "", type: "", apple_type: "", serial_number: "", sha1: certificate },
        ...{ public_key_sha256: "", common_name: "", expires_at: LATER, source: "UPLOADED", content: Buffer.alloc(1) },
      }),
      seen("provisioning_profiles", {
        ...{ id: profile, name: "", uuid: profile, type: "", apple_type: "", expires_at: LATER, platforms: [] },
        ...{ team_id: "", bundle_identifier: "", entitlements: "", device_udids: [], certificate_sha1s: [] },
        ...{ source: "UPLOADED", content: Buffer.alloc(1) },
      }),
      ...[
        { id: key, column: "credential_id" },
        { id: certificate, column: "certificate_id" },
        { id: profile, column: "provisioning_profile_id" },
      ].flatMap((subject) => (sharing === "nobody" ? [] : this.#share(sharing, subject, read))),
    ];
  }

  #share(sharing: Sharing, { id, column }: { id: string; column: string }, read: readonly Place[]): PolicyRow[] {
    const target = sharing === "Web" ? TENANTS.Web.id : null;
    const values = {
      ...{ id: `share_${id}`, owner_id: this.id, [column]: id, with_all: target === null, uses: ["VIEW"] },
      expires_at: sharing === "nobody any more" ? "2001-01-01T00:00:00Z" : null,
    };
    const to = { share_id: values.id, sub_organization_id: target };
    return [
      { ...this.#row("shares", values), read },
      ...(target === null ? [] : [{ ...this.#row("share_targets", to), read, update: NONE }]),
    ];
  }

  #row(table: string, values: Values): PolicyRow {
    const writers = this.#writers;
    const all = { read: writers, insert: writers, update: writers, delete: writers };
    return { table, values: { root_id: this.root, ...values }, ...all };
  }
}

const APPLES = { apple_id: "APPLE1" };

/** Rows of every table, of every tenant. */
export const ROWS: readonly PolicyRow[] = (["Acme", "Web", "Apps", "Globex"] as const).flatMap((place) =>
  new Owner(place).rows(),
);
