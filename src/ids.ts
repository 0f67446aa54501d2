import { typeid } from "typeid-js";

/** The prefix of every kind of id: the same in the API, in SQL and in logs. */
export const ID_PREFIXES = {
  organization: "org",
  subOrganization: "sub",
  member: "mem",
  accessToken: "tok",
  credential: "cred",
  share: "shr",
  user: "usr",
  dataKey: "key",
  driftEvent: "dft",
  certificate: "cert",
  signingRequest: "csr",
  provisioningProfile: "prof",
  signingIntent: "int",
  auditEvent: "aud",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const KIND_BY_PREFIX = new Map<string, IdKind>(
  Object.entries(ID_PREFIXES).map(([kind, prefix]) => [prefix, kind as IdKind]),
);
const ID_PATTERN = /^([a-z]{3,4})_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** A new id of a kind: a TypeID, sortable by the time it was made. */
export function newId(kind: IdKind): string {
  return typeid(ID_PREFIXES[kind]).toString();
}

/** The kind that an id names; null where the text is no id of ours. */
export function kindOf(id: string): IdKind | null {
  const prefix = ID_PATTERN.exec(id)?.[1];
  return prefix === undefined ? null : (KIND_BY_PREFIX.get(prefix) ?? null);
}
