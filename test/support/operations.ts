import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
export type Maybe<T> = T | null;
export type InputMaybe<T> = Maybe<T>;
export type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
export type MakeOptional<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]?: Maybe<T[SubKey]> };
export type MakeMaybe<T, K extends keyof T> = Omit<T, K> & { [SubKey in K]: Maybe<T[SubKey]> };
export type MakeEmpty<T extends { [key: string]: unknown }, K extends keyof T> = { [_ in K]?: never };
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** All built-in and custom scalars, mapped to their actual values */
export type Scalars = {
  ID: { input: string; output: string; }
  String: { input: string; output: string; }
  Boolean: { input: boolean; output: boolean; }
  Int: { input: number; output: number; }
  Float: { input: number; output: number; }
  /** A date-time string at UTC, such as 2007-12-03T10:15:30Z, compliant with the `date-time` format outlined in section 5.6 of the RFC 3339 profile of the ISO 8601 standard for representation of dates and times using the Gregorian calendar. */
  DateTime: { input: string; output: string; }
};

/** Adds a person to a tenant. */
export type AddMemberInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The e-mail address that the identity provider will name. */
  email: Scalars['String']['input'];
  /** At least one; OWNER is given by owners alone. */
  roles: Array<Role>;
  /** The organization or sub-organization. */
  tenantId: Scalars['ID']['input'];
};

/** Whose key it is. */
export type AppleKeyType =
  /** One person's: has no issuer id, and cannot provision. */
  | 'INDIVIDUAL'
  /** A team's: has an issuer id. */
  | 'TEAM';

/** Which of Apple's programs a key belongs to. */
export type AppleProgram =
  /** Apple Developer Program: App Store Connect API. */
  | 'APP_STORE'
  /** Apple Developer Enterprise Program: in-house apps only, nothing is published with it. */
  | 'ENTERPRISE';

/** What narrows the log; an entry has to fit all of it. */
export type AuditEventFilter = {
  /** This action, or all that begin with it: `certificate`, `certificate.downloaded`. */
  action?: InputMaybe<Scalars['String']['input']>;
  /** By this actor: an id, an e-mail address or the name of a token. */
  actor?: InputMaybe<Scalars['String']['input']>;
  /** That ended so. */
  outcome?: InputMaybe<AuditOutcome>;
  /** At this time or later. */
  since?: InputMaybe<Scalars['DateTime']['input']>;
  /** About the thing of this id. */
  subjectId?: InputMaybe<Scalars['ID']['input']>;
  /** Before this time. */
  until?: InputMaybe<Scalars['DateTime']['input']>;
};

/** How what was asked for ended. */
export type AuditOutcome =
  /** The viewer may not. */
  | 'DENIED'
  /** It was done. */
  | 'DONE'
  /** Apple refused, failed or could not be reached. */
  | 'FAILED'
  /** It was understood and refused, for the user to mend. */
  | 'REFUSED';

/** What narrows a list of certificates; a certificate has to fit all of it. */
export type CertificateFilter = {
  /** Whose time is over before this one. */
  expiresBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Part of the name, the common name, the serial number or the SHA-1, without case. */
  search?: InputMaybe<Scalars['String']['input']>;
  /** In this state. */
  state?: InputMaybe<CertificateState>;
  /** Of this type. */
  type?: InputMaybe<CertificateType>;
};

/** How a certificate came here. */
export type CertificateSource =
  /** Made at Apple through a key, for a private key that was made here. */
  | 'CREATED'
  /** Made from a signing request whose private key waited here. */
  | 'SIGNING_REQUEST'
  /** Uploaded as a .p12 file. */
  | 'UPLOADED';

/** Whether a certificate can sign. */
export type CertificateState =
  /** Its time is over. */
  | 'EXPIRED'
  /** It was revoked. */
  | 'REVOKED'
  /** It can. */
  | 'VALID';

/** What a certificate is for. Apple adds types: one that this schema has no word for is OTHER. */
export type CertificateType =
  /** Apple Pay. */
  | 'APPLE_PAY'
  /** Developer ID Application. */
  | 'DEVELOPER_ID_APPLICATION'
  /** Developer ID for kernel extensions. */
  | 'DEVELOPER_ID_KEXT'
  /** Apple Development: all platforms. */
  | 'DEVELOPMENT'
  /** Apple Distribution: all platforms. */
  | 'DISTRIBUTION'
  /** iOS App Development. */
  | 'IOS_DEVELOPMENT'
  /** iOS Distribution: App Store, ad hoc and in-house. */
  | 'IOS_DISTRIBUTION'
  /** Mac Development. */
  | 'MAC_APP_DEVELOPMENT'
  /** Mac App Distribution. */
  | 'MAC_APP_DISTRIBUTION'
  /** Mac Installer Distribution. */
  | 'MAC_INSTALLER_DISTRIBUTION'
  /** Any other: `appleType` has Apple's word. */
  | 'OTHER'
  /** Wallet passes. */
  | 'PASS_TYPE_ID';

/** Brings a signing request the certificate that Apple gave for it. */
export type CompleteSigningRequestInput = {
  /** Base64 of the .cer that Apple gave for this request. */
  certificate: Scalars['String']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The request. */
  signingRequestId: Scalars['ID']['input'];
};

/** Makes a token that is bound to a tenant. */
export type CreateAccessTokenInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** At most a year ahead; six months where it is left out. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** What it is for: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** What it may do: no more than the viewer's own permissions there. */
  permissions: Array<Permission>;
  /** The tenant; a token of the root holds in every sub-organization. */
  tenantId: Scalars['ID']['input'];
};

/** Makes a certificate at Apple. */
export type CreateCertificateInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** 1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The name here: 1 to 100 characters; type and date where it is left out. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** A signing request of the tenant, whose private key waits for the certificate. Left out, a key is made. */
  signingRequestId?: InputMaybe<Scalars['ID']['input']>;
  /** Whose certificate it will be: the root's may be shared with its sub-organizations. */
  tenantId: Scalars['ID']['input'];
  /** What it is for. Developer ID and others are made at Apple's site alone. */
  type: CertificateType;
};

/** Adds a key. */
export type CreateCredentialInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Apple's issuer id: required of a team's key, and none for an individual one. */
  issuerId?: InputMaybe<Scalars['String']['input']>;
  /** Apple's key id. */
  keyId: Scalars['String']['input'];
  /** A team's key, or one person's. */
  keyType?: AppleKeyType;
  /** The name: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** The text of the .p8 file, also as pasted with escaped line breaks, quotes or without its frame; or base64 of the file. */
  privateKey: Scalars['String']['input'];
  /** Which of Apple's programs it belongs to. */
  program?: AppleProgram;
  /** Whose key it will be: the root's may be shared with its sub-organizations. */
  tenantId: Scalars['ID']['input'];
  /** Ask Apple before saving; a key that Apple refuses is not saved. */
  verify?: Scalars['Boolean']['input'];
};

/** Makes a provisioning profile at Apple, and keeps it. */
export type CreateProvisioningProfileInput = {
  /** The bundle identifier it is for, which the team has. */
  bundleIdentifier: Scalars['String']['input'];
  /** Apple's ids of its certificates: one, or for development several. */
  certificateAppleIds: Array<Scalars['String']['input']>;
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** Apple's ids of its devices: for development and ad hoc at least one, otherwise none. */
  deviceAppleIds?: Array<Scalars['String']['input']>;
  /** 1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The name at Apple: 1 to 100 characters, unique in the team. */
  name: Scalars['String']['input'];
  /** Whose profile it will be: the root's may be shared with its sub-organizations. */
  tenantId: Scalars['ID']['input'];
  /** What it is for: in-house with a key of the Enterprise Program alone, and nothing else with it. */
  type: ProfileType;
};

/** Makes a certificate signing request. */
export type CreateSigningRequestInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The common name: 1 to 64 characters. Apple names the certificate after the team. */
  commonName: Scalars['String']['input'];
  /** The country: two letters, such as US. */
  country: Scalars['String']['input'];
  /** An e-mail address. */
  email: Scalars['String']['input'];
  /** Whose request it will be. */
  tenantId: Scalars['ID']['input'];
};

/** Makes a sub-organization. */
export type CreateSubOrganizationInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The name: 1 to 100 characters, unique in the organization without case. */
  name: Scalars['String']['input'];
  /** The root organization it will belong to. */
  organizationId: Scalars['ID']['input'];
};

/** What narrows a list of keys; a key has to fit all of it. */
export type CredentialFilter = {
  /** Of this program. */
  program?: InputMaybe<AppleProgram>;
  /** Part of the name or of Apple's key id, without case. */
  search?: InputMaybe<Scalars['String']['input']>;
  /** Shared by the root, or not. */
  shared?: InputMaybe<Scalars['Boolean']['input']>;
  /** With this outcome of the last check. */
  status?: InputMaybe<CredentialStatus>;
};

/** Outcome of the last check of a key against Apple. */
export type CredentialStatus =
  /** 403: the Account Holder must accept an agreement. */
  | 'AGREEMENT_MISSING'
  /** 401: the clock of this server is off by more than Apple accepts. */
  | 'CLOCK_SKEW'
  /** 401: revoked, or wrong key id, issuer or .p8. */
  | 'KEY_REJECTED'
  /** 429: the hourly budget of the key is spent. */
  | 'RATE_LIMITED'
  /** 403: the role of the key may not provision. */
  | 'ROLE_TOO_NARROW'
  /** Apple did not answer, or cannot serve. */
  | 'UNREACHABLE'
  /** Apple was not asked yet. */
  | 'UNVERIFIED'
  /** Apple accepts the key. */
  | 'WORKING'
  /** The key works, but for the other program. */
  | 'WRONG_PROGRAM';

/** Deletes a certificate here only; Apple keeps its certificate. */
export type DeleteCertificateInput = {
  /** The certificate. */
  certificateId: Scalars['ID']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Also while it is shared, or in kept profiles whose time is not over; without it the refusal (IN_USE) says which. */
  force?: Scalars['Boolean']['input'];
};

/** Deletes a key. */
export type DeleteCredentialInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The key. */
  credentialId: Scalars['ID']['input'];
  /** Also while it is shared; without it the refusal (IN_USE) says who uses it. */
  force?: Scalars['Boolean']['input'];
};

/** Deletes profiles here, and at Apple where that is wanted. */
export type DeleteProvisioningProfilesInput = {
  /** Delete them at Apple too, first there and then here, through the key that each came through. */
  alsoAtApple?: Scalars['Boolean']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Also while they are shared; without it the refusal (IN_USE) says with whom. */
  force?: Scalars['Boolean']['input'];
  /** The profiles, 50 at most. */
  provisioningProfileIds: Array<Scalars['ID']['input']>;
};

/** Deletes a sub-organization with its members and tokens. */
export type DeleteSubOrganizationInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The sub-organization; it must own no keys, certificates and provisioning profiles. */
  subOrganizationId: Scalars['ID']['input'];
};

/** A device that is to be registered. */
export type DeviceInput = {
  /** The name: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** Apple's word: IOS, MAC_OS, UNIVERSAL. */
  platform?: Scalars['String']['input'];
  /** Its unique device identifier, in any case, with dashes or without. */
  udid: Scalars['String']['input'];
};

/** Whether a device can be in a profile. */
export type DeviceStatus =
  /** It was disabled. */
  | 'DISABLED'
  /** It can. */
  | 'ENABLED'
  /** Any other. */
  | 'OTHER'
  /** Apple is still registering it: profiles made now leave it out. */
  | 'PROCESSING';

/** Hands out a certificate with its private key. */
export type DownloadCertificateInput = {
  /** The certificate: own, or shared to sign. */
  certificateId: Scalars['ID']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** How the file is encrypted. */
  encoding?: Pkcs12Encoding;
  /** The password for the file: 1 to 128 characters, for KEYCHAIN of ASCII. Left out, a random one is made. */
  password?: InputMaybe<Scalars['String']['input']>;
};

/** Hands out the file of a provisioning profile. */
export type DownloadProvisioningProfileInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The profile: own, or shared to sign. */
  provisioningProfileId: Scalars['ID']['input'];
};

/** What changed at Apple. */
export type DriftKind =
  /** There is a new certificate, whose private key nobody here has. */
  | 'CERTIFICATE_ADDED'
  /** A certificate is no longer there, and its time was not over: it was revoked. */
  | 'CERTIFICATE_GONE'
  /** There is a new device. */
  | 'DEVICE_ADDED'
  /** A device was disabled. */
  | 'DEVICE_DISABLED'
  /** The time of a provisioning profile is over, though Apple says that it is active. */
  | 'PROFILE_EXPIRED'
  /** A provisioning profile has become invalid. */
  | 'PROFILE_INVALID';

/** Why a request was not served: in errors[].extensions.code and in userErrors[].code alike. */
export type ErrorCode =
  /** There is one with this name or identity already. */
  | 'ALREADY_EXISTS'
  /** The Account Holder must accept an agreement at Apple first. */
  | 'APPLE_AGREEMENT_MISSING'
  /** The role of the key does not allow this at Apple. */
  | 'APPLE_FORBIDDEN'
  /** Apple does not accept the key: revoked, or wrong key id, issuer id, program or .p8. */
  | 'APPLE_KEY_REJECTED'
  /** Apple's hourly budget of this key is spent. */
  | 'APPLE_RATE_LIMITED'
  /** Apple understood the change and refuses it: the message has Apple's reason. */
  | 'APPLE_REFUSED'
  /** Apple did not answer in time, or answered that it cannot serve. */
  | 'APPLE_UNAVAILABLE'
  /** Apple answered something that cannot be understood. */
  | 'APPLE_UNEXPECTED_ANSWER'
  /** Apple allows no more certificates of this type: the message says which there are. */
  | 'CERTIFICATE_LIMIT_REACHED'
  /** The certificate does not fit the type of the profile, or cannot sign. */
  | 'CERTIFICATE_NOT_FITTING'
  /** Nothing is published with a key of the Enterprise Program. */
  | 'ENTERPRISE_KEY_CANNOT_PUBLISH'
  /** The viewer knows the thing, and lacks the permission, role or term of the share that this takes. */
  | 'FORBIDDEN'
  /** Apple lets individual keys do nothing with certificates, profiles, devices and bundle ids. */
  | 'INDIVIDUAL_KEY_CANNOT_SIGN'
  /** A fault of the server. The request id leads to its log. */
  | 'INTERNAL'
  /** The bytes are no X.509 certificate that can be read, or one that is not Apple's or is over. */
  | 'INVALID_CERTIFICATE'
  /** An argument or input field holds a value that is not allowed. */
  | 'INVALID_INPUT'
  /** The bytes are no PKCS#12 file (.p12) of one RSA key and its certificate that can be read. */
  | 'INVALID_PKCS12'
  /** The text is no App Store Connect private key (.p8). */
  | 'INVALID_PRIVATE_KEY'
  /** The bytes are no provisioning profile that can be read, or its signature does not fit. */
  | 'INVALID_PROVISIONING_PROFILE'
  /** Others depend on it: the message says who. Some mutations take force. */
  | 'IN_USE'
  /** The private key belongs to another certificate than the one at hand. */
  | 'KEY_MISMATCH'
  /** An organization always keeps an owner. */
  | 'LAST_OWNER'
  /** There is no such thing, or the viewer may not know of it: both answer alike. */
  | 'NOT_FOUND'
  /** It cannot be renewed from here: the message says why. */
  | 'NOT_RENEWABLE'
  /** A profile of this type needs devices, and none that fits is enabled. */
  | 'NO_DEVICES'
  /** There is no private key with it, and nothing can be signed without. */
  | 'NO_PRIVATE_KEY'
  /** Apple did not say whether the change was made: it is not sent twice, look again in a minute. */
  | 'OUTCOME_UNKNOWN'
  /** The key's program, or its share, does not allow profiles of this type. */
  | 'PROFILE_TYPE_NOT_ALLOWED'
  /** Too many requests: wait and try again. */
  | 'RATE_LIMITED'
  /** The root organization shared it: below it is used as it is, and never changed. */
  | 'SHARED_FROM_ROOT'
  /** The operation is deeper, wider or longer than the server allows. */
  | 'TOO_COMPLEX'
  /** No valid token came with the request: it is missing, unknown, expired or revoked. */
  | 'UNAUTHENTICATED'
  /** The database did not answer: try again. What a mutation was to change may have been changed or not: look, or ask with the same idempotencyKey. */
  | 'UNAVAILABLE'
  /** The password does not open the file. */
  | 'WRONG_PASSWORD';

/** Picks profiles that Apple holds and keeps them in the tenant, content and all. */
export type KeepProvisioningProfilesInput = {
  /** Apple's own ids of the profiles, 50 at most. */
  appleIds: Array<Scalars['String']['input']>;
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Through which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** Who will keep them. */
  tenantId: Scalars['ID']['input'];
};

/** What a viewer may do in a tenant. A token is limited to a list of these; a role stands for a set. */
export type Permission =
  /** Read the audit log. */
  | 'AUDIT_VIEW'
  /** Add, rename, rotate, verify and delete keys. */
  | 'CREDENTIALS_MANAGE'
  /** Root only: share and unshare keys, certificates and profiles. */
  | 'CREDENTIALS_SHARE'
  /** See keys and how they are shared. */
  | 'CREDENTIALS_VIEW'
  /** See, add, change and remove members. */
  | 'MEMBERS_MANAGE'
  /** Publish. */
  | 'PUBLISH_MANAGE'
  /** See apps, builds and submissions. */
  | 'PUBLISH_VIEW'
  /** Download certificates with their private key, and profiles. */
  | 'SIGNING_DOWNLOAD'
  /** Create, upload, renew, keep and delete certificates and profiles; devices and bundle ids. */
  | 'SIGNING_MANAGE'
  /** Revoke certificates at Apple. */
  | 'SIGNING_REVOKE'
  /** See certificates, profiles, devices and bundle ids, at Apple too. */
  | 'SIGNING_VIEW'
  /** Rename; at the root also create, rename and delete sub-organizations. */
  | 'TENANT_MANAGE'
  /** See, create and revoke access tokens. */
  | 'TOKENS_MANAGE';

/** How a .p12 file is encrypted. */
export type Pkcs12Encoding =
  /** Imports on every macOS, and opens in OpenSSL: 3DES and SHA-1. */
  | 'KEYCHAIN'
  /** AES-256 and SHA-256: for OpenSSL and the newest macOS. */
  | 'MODERN';

/** What a build wants to sign. */
export type PrepareSigningInput = {
  /** The app's bundle identifiers, and those of its extensions: 20 at most. */
  bundleIdentifiers: Array<Scalars['String']['input']>;
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key; left out, the fitting one of the tenant, its own before those shared with it. */
  credentialId?: InputMaybe<Scalars['ID']['input']>;
  /** Say what would be done, and do nothing. */
  dryRun?: Scalars['Boolean']['input'];
  /** 1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** What ends sooner than in so many days is renewed. */
  minimumValidDays?: Scalars['Int']['input'];
  /** The password of the .p12; left out, a random one is made. */
  password?: InputMaybe<Scalars['String']['input']>;
  /** For which tenant: what is made will be its own. */
  tenantId: Scalars['ID']['input'];
  /** How the app is to be distributed. */
  type: ProfileType;
};

/** How a provisioning profile came here. */
export type ProfileSource =
  /** Made at Apple through a key. */
  | 'CREATED'
  /** Picked from those that Apple held. */
  | 'FETCHED'
  /** Uploaded as a file. */
  | 'UPLOADED';

/** Whether a profile can be used. EXPIRED goes by the date: Apple reports expired profiles as ACTIVE. */
export type ProfileState =
  /** It can. */
  | 'ACTIVE'
  /** Its time is over. */
  | 'EXPIRED'
  /** A certificate in it was revoked, or its bundle id changed. */
  | 'INVALID';

/** What a provisioning profile is for. One that this schema has no word for is OTHER. */
export type ProfileType =
  /** iOS ad hoc. */
  | 'IOS_APP_ADHOC'
  /** iOS development. */
  | 'IOS_APP_DEVELOPMENT'
  /** iOS in-house, Enterprise Program alone. */
  | 'IOS_APP_INHOUSE'
  /** iOS App Store. */
  | 'IOS_APP_STORE'
  /** macOS development. */
  | 'MAC_APP_DEVELOPMENT'
  /** macOS Developer ID. */
  | 'MAC_APP_DIRECT'
  /** Mac App Store. */
  | 'MAC_APP_STORE'
  /** Mac Catalyst development. */
  | 'MAC_CATALYST_APP_DEVELOPMENT'
  /** Mac Catalyst Developer ID. */
  | 'MAC_CATALYST_APP_DIRECT'
  /** Mac Catalyst App Store. */
  | 'MAC_CATALYST_APP_STORE'
  /** Any other: `appleType` has Apple's word. */
  | 'OTHER'
  /** tvOS ad hoc. */
  | 'TVOS_APP_ADHOC'
  /** tvOS development. */
  | 'TVOS_APP_DEVELOPMENT'
  /** tvOS in-house, Enterprise Program alone. */
  | 'TVOS_APP_INHOUSE'
  /** tvOS App Store. */
  | 'TVOS_APP_STORE';

/** What narrows a list of provisioning profiles; a profile has to fit all of it. */
export type ProvisioningProfileFilter = {
  /** For exactly this bundle identifier. */
  bundleIdentifier?: InputMaybe<Scalars['String']['input']>;
  /** Whose time is over before this one. */
  expiresBefore?: InputMaybe<Scalars['DateTime']['input']>;
  /** Part of the name, the UUID or the bundle identifier, without case. */
  search?: InputMaybe<Scalars['String']['input']>;
  /** In this state. */
  state?: InputMaybe<ProfileState>;
  /** Of this type. */
  type?: InputMaybe<ProfileType>;
};

/** Registers a bundle id (App ID) at Apple. */
export type RegisterBundleIdInput = {
  /** Apple's words for what it may do, such as PUSH_NOTIFICATIONS; 50 at most. */
  capabilities?: Array<Scalars['String']['input']>;
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** The identifier, such as `com.acme.shop`; `com.acme.*` for a wildcard. */
  identifier: Scalars['String']['input'];
  /** The name: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** Apple's word: IOS, MAC_OS, UNIVERSAL. */
  platform?: Scalars['String']['input'];
  /** For which tenant. */
  tenantId: Scalars['ID']['input'];
};

/** Registers devices at Apple. One that Apple knows already is no error: it comes back as it is. */
export type RegisterDevicesInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** The devices, 100 at most. */
  devices: Array<DeviceInput>;
  /** For which tenant. */
  tenantId: Scalars['ID']['input'];
};

/** Removes a member. */
export type RemoveMemberInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The member. */
  memberId: Scalars['ID']['input'];
};

/** Renews a certificate, and every kept profile that holds it. */
export type RenewCertificateInput = {
  /** The certificate. */
  certificateId: Scalars['ID']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key; left out, the one it was made through. */
  credentialId?: InputMaybe<Scalars['ID']['input']>;
  /** 1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** Revoke the old one: when all profiles are renewed, or before, where Apple has no room for both. Takes SIGNING_REVOKE. */
  revokeFirst?: Scalars['Boolean']['input'];
};

/** Makes a new profile in the place of a kept one. */
export type RenewProvisioningProfileInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Apple's ids of its devices from now on; left out, those of before that are still enabled. */
  deviceAppleIds?: InputMaybe<Array<Scalars['String']['input']>>;
  /** 1 to 100 visible ASCII characters: the same key and the same input within 24 hours give the first outcome again, and do nothing twice. */
  idempotencyKey?: InputMaybe<Scalars['String']['input']>;
  /** The profile. */
  provisioningProfileId: Scalars['ID']['input'];
};

/** Revokes a token. */
export type RevokeAccessTokenInput = {
  /** The token. */
  accessTokenId: Scalars['ID']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
};

/** Revokes a certificate at Apple. */
export type RevokeCertificateInput = {
  /** The certificate. */
  certificateId: Scalars['ID']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
};

/** What a member is to a tenant: each role stands for a set of permissions. */
export type Role =
  /** May do everything but make owners. */
  | 'MANAGER'
  /** Works with keys: signs, downloads, publishes. */
  | 'OPERATOR'
  /** May do everything, and alone makes other owners. */
  | 'OWNER'
  /** Sees keys, certificates and profiles, and changes nothing. */
  | 'VIEWER';

/** Puts a new .p8 behind a key. */
export type RotateCredentialInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The key. */
  credentialId: Scalars['ID']['input'];
  /** Apple's issuer id; where it is left out, the one there is stays. */
  issuerId?: InputMaybe<Scalars['String']['input']>;
  /** Apple's id of the new key. */
  keyId: Scalars['String']['input'];
  /** The text of the .p8 file, also as pasted with escaped line breaks, quotes or without its frame; or base64 of the file. */
  privateKey: Scalars['String']['input'];
  /** Ask Apple before saving; a key that Apple refuses is not saved. */
  verify?: Scalars['Boolean']['input'];
};

/** Sets how something is shared. Either withAllSubOrganizations, or subOrganizationIds that are not empty. */
export type ShareInput = {
  /** Bundle identifiers it may be used for, `*` at the end as a wildcard; empty: any. */
  bundleIdentifiers?: Array<Scalars['String']['input']>;
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The share ends by itself at this time. */
  expiresAt?: InputMaybe<Scalars['DateTime']['input']>;
  /** The settings name; given, it renames the key or certificate. A profile is named at Apple, and takes none. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** With these alone. */
  subOrganizationIds?: Array<Scalars['ID']['input']>;
  /** What the root organization owns: a key, a certificate or a provisioning profile. */
  subjectId: Scalars['ID']['input'];
  /** What it may be used for. */
  uses?: Array<ShareUse>;
  /** With all, also those made later. */
  withAllSubOrganizations?: Scalars['Boolean']['input'];
};

/** What something shared may be used for. */
export type ShareUse =
  /** Publish apps. */
  | 'PUBLISH'
  /** Make and use certificates and profiles. */
  | 'SIGN'
  /** See what Apple holds. */
  | 'VIEW';

/** How an item came into a tenant's list. */
export type SharingTag =
  /** In a sub-organization's list: owned by the root, read-only here. */
  | 'ROOT'
  /** In the root's list: shared with sub-organizations. */
  | 'SHARED';

/** What is done to get all that a build needs to sign. */
export type SigningAction =
  /** A certificate is made at Apple. */
  | 'CREATE_CERTIFICATE'
  /** A profile is made at Apple. */
  | 'CREATE_PROFILE'
  /** The bundle identifier is registered at Apple. */
  | 'REGISTER_BUNDLE_ID'
  /** A kept profile ends too soon, is invalid, or lacks the certificate or devices: another takes its place. */
  | 'REPLACE_PROFILE'
  /** A kept certificate serves. */
  | 'REUSE_CERTIFICATE'
  /** A profile that is kept, or that Apple holds, serves. */
  | 'REUSE_PROFILE';

/** Ends the sharing of something. */
export type UnshareInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** What is shared. */
  subjectId: Scalars['ID']['input'];
};

/** Renames a key. */
export type UpdateCredentialInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The key. */
  credentialId: Scalars['ID']['input'];
  /** The new name: 1 to 100 characters. */
  name: Scalars['String']['input'];
};

/** Renames, disables or enables a device at Apple. */
export type UpdateDeviceInput = {
  /** Apple's own id of the device. */
  appleId: Scalars['String']['input'];
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** With which key: the tenant's own, or one that is shared with it to sign. */
  credentialId: Scalars['ID']['input'];
  /** The new name: 1 to 100 characters. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** ENABLED or DISABLED. Disabling frees no place at Apple. */
  status?: InputMaybe<DeviceStatus>;
  /** For which tenant. */
  tenantId: Scalars['ID']['input'];
};

/** Gives a member other roles. */
export type UpdateMemberInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The member. */
  memberId: Scalars['ID']['input'];
  /** All the roles from now on, at least one. */
  roles: Array<Role>;
};

/** Renames an organization. */
export type UpdateOrganizationInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The new name: 1 to 100 characters. */
  name: Scalars['String']['input'];
  /** The organization. */
  organizationId: Scalars['ID']['input'];
};

/** Renames a sub-organization. */
export type UpdateSubOrganizationInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The new name: 1 to 100 characters, unique in the organization without case. */
  name: Scalars['String']['input'];
  /** The sub-organization. */
  subOrganizationId: Scalars['ID']['input'];
};

/** Keeps a certificate that is there already, with its private key. */
export type UploadCertificateInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The name: 1 to 100 characters; the certificate's common name where it is left out. */
  name?: InputMaybe<Scalars['String']['input']>;
  /** The password of the .p12; it is not kept. */
  password?: Scalars['String']['input'];
  /** Base64 of the .p12, which holds one private key and its certificate. */
  pkcs12: Scalars['String']['input'];
  /** Whose certificate it will be: the root's may be shared with its sub-organizations. */
  tenantId: Scalars['ID']['input'];
};

/** Keeps profiles out of their files. */
export type UploadProvisioningProfilesInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** Base64 of each .mobileprovision or .provisionprofile, up to 20. */
  profiles: Array<Scalars['String']['input']>;
  /** Who will keep them. */
  tenantId: Scalars['ID']['input'];
};

/** Asks Apple about a key. */
export type VerifyCredentialInput = {
  /** Comes back in the payload as it was. */
  clientMutationId?: InputMaybe<Scalars['String']['input']>;
  /** The key. */
  credentialId: Scalars['ID']['input'];
};

export type CreateSubOrganizationMutationVariables = Exact<{
  input: CreateSubOrganizationInput;
}>;


export type CreateSubOrganizationMutation = { __typename?: 'Mutation', createSubOrganization: { __typename?: 'CreateSubOrganizationPayload', subOrganization?: { __typename?: 'SubOrganization', id: string, name: string } | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };

export type AddMemberMutationVariables = Exact<{
  input: AddMemberInput;
}>;


export type AddMemberMutation = { __typename?: 'Mutation', addMember: { __typename?: 'AddMemberPayload', member?: { __typename?: 'Member', id: string, email: string, roles: Array<Role> } | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };

export type CreateAccessTokenMutationVariables = Exact<{
  input: CreateAccessTokenInput;
}>;


export type CreateAccessTokenMutation = { __typename?: 'Mutation', createAccessToken: { __typename?: 'CreateAccessTokenPayload', secret?: string | null, accessToken?: { __typename?: 'AccessToken', id: string, name: string, preview: string, permissions: Array<Permission>, expiresAt: string } | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };

export type CreateCredentialMutationVariables = Exact<{
  input: CreateCredentialInput;
}>;


export type CreateCredentialMutation = { __typename?: 'Mutation', createCredential: { __typename?: 'CreateCredentialPayload', credential?: { __typename?: 'Credential', id: string, name: string, program: AppleProgram, keyType: AppleKeyType, keyId: string, issuerId?: string | null, fingerprint: string, health: { __typename?: 'CredentialHealth', status: CredentialStatus, advice?: string | null, checkedAt?: string | null } } | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };

export type ShareMutationVariables = Exact<{
  input: ShareInput;
}>;


export type ShareMutation = { __typename?: 'Mutation', share: { __typename?: 'SharePayload', share?: { __typename?: 'Share', id: string, withAllSubOrganizations: boolean, uses: Array<ShareUse>, bundleIdentifiers: Array<string>, expiresAt?: string | null, subOrganizations: { __typename?: 'SubOrganizationConnection', nodes: Array<{ __typename?: 'SubOrganization', id: string }> } } | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };

export type UnshareMutationVariables = Exact<{
  input: UnshareInput;
}>;


export type UnshareMutation = { __typename?: 'Mutation', unshare: { __typename?: 'UnsharePayload', deletedId?: string | null, userErrors: Array<{ __typename?: 'UserError', code: ErrorCode, message: string, field?: Array<string> | null }> } };


export const CreateSubOrganizationDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateSubOrganization"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateSubOrganizationInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createSubOrganization"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"subOrganization"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<CreateSubOrganizationMutation, CreateSubOrganizationMutationVariables>;
export const AddMemberDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"AddMember"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"AddMemberInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"addMember"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"member"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"roles"}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<AddMemberMutation, AddMemberMutationVariables>;
export const CreateAccessTokenDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateAccessToken"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateAccessTokenInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createAccessToken"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"preview"}},{"kind":"Field","name":{"kind":"Name","value":"permissions"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}},{"kind":"Field","name":{"kind":"Name","value":"secret"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<CreateAccessTokenMutation, CreateAccessTokenMutationVariables>;
export const CreateCredentialDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateCredential"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateCredentialInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createCredential"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"credential"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"program"}},{"kind":"Field","name":{"kind":"Name","value":"keyType"}},{"kind":"Field","name":{"kind":"Name","value":"keyId"}},{"kind":"Field","name":{"kind":"Name","value":"issuerId"}},{"kind":"Field","name":{"kind":"Name","value":"fingerprint"}},{"kind":"Field","name":{"kind":"Name","value":"health"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"advice"}},{"kind":"Field","name":{"kind":"Name","value":"checkedAt"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<CreateCredentialMutation, CreateCredentialMutationVariables>;
export const ShareDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Share"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ShareInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"share"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"share"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"withAllSubOrganizations"}},{"kind":"Field","name":{"kind":"Name","value":"uses"}},{"kind":"Field","name":{"kind":"Name","value":"bundleIdentifiers"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}},{"kind":"Field","name":{"kind":"Name","value":"subOrganizations"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}}]}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<ShareMutation, ShareMutationVariables>;
export const UnshareDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"Unshare"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"UnshareInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"unshare"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"deletedId"}},{"kind":"Field","name":{"kind":"Name","value":"userErrors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"field"}}]}}]}}]}}]} as unknown as DocumentNode<UnshareMutation, UnshareMutationVariables>;