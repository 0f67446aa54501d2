/** Every code that a client may meet, with what it means: the `ErrorCode` enum of the graph. */
export const ERROR_CODES = {
  UNAUTHENTICATED: "No valid token came with the request: it is missing, unknown, expired or revoked.",
  NOT_FOUND: "There is no such thing, or the viewer may not know of it: both answer alike.",
  FORBIDDEN: "The viewer knows the thing, and lacks the permission, role or term of the share that this takes.",
  SHARED_FROM_ROOT: "The root organization shared it: below it is used as it is, and never changed.",
  RATE_LIMITED: "Too many requests: wait and try again.",
  TOO_COMPLEX: "The operation is deeper, wider or longer than the server allows.",
  APPLE_KEY_REJECTED: "Apple does not accept the key: revoked, or wrong key id, issuer id, program or .p8.",
  APPLE_FORBIDDEN: "The role of the key does not allow this at Apple.",
  APPLE_AGREEMENT_MISSING: "The Account Holder must accept an agreement at Apple first.",
  APPLE_RATE_LIMITED: "Apple's hourly budget of this key is spent.",
  APPLE_UNAVAILABLE: "Apple did not answer in time, or answered that it cannot serve.",
  APPLE_UNEXPECTED_ANSWER: "Apple answered something that cannot be understood.",
  INVALID_INPUT: "An argument or input field holds a value that is not allowed.",
  ALREADY_EXISTS: "There is one with this name or identity already.",
  LAST_OWNER: "An organization always keeps an owner.",
  INVALID_PRIVATE_KEY: "The text is no App Store Connect private key (.p8).",
  ENTERPRISE_KEY_CANNOT_PUBLISH: "Nothing is published with a key of the Enterprise Program.",
  INDIVIDUAL_KEY_CANNOT_SIGN:
    "Apple lets individual keys do nothing with certificates, profiles, devices and bundle ids.",
  PROFILE_TYPE_NOT_ALLOWED: "The key's program, or its share, does not allow profiles of this type.",
  NO_DEVICES: "A profile of this type needs devices, and none that fits is enabled.",
  CERTIFICATE_NOT_FITTING: "The certificate does not fit the type of the profile, or cannot sign.",
  CERTIFICATE_LIMIT_REACHED: "Apple allows no more certificates of this type: the message says which there are.",
  NOT_RENEWABLE: "It cannot be renewed from here: the message says why.",
  INVALID_CERTIFICATE: "The bytes are no X.509 certificate that can be read, or one that is not Apple's or is over.",
  INVALID_PKCS12: "The bytes are no PKCS#12 file (.p12) of one RSA key and its certificate that can be read.",
  WRONG_PASSWORD: "The password does not open the file.",
  NO_PRIVATE_KEY: "There is no private key with it, and nothing can be signed without.",
  KEY_MISMATCH: "The private key belongs to another certificate than the one at hand.",
  INVALID_PROVISIONING_PROFILE:
    "The bytes are no provisioning profile that can be read, or its signature does not fit.",
  APPLE_REFUSED: "Apple understood the change and refuses it: the message has Apple's reason.",
  OUTCOME_UNKNOWN: "Apple did not say whether the change was made: it is not sent twice, look again in a minute.",
  IN_USE: "Others depend on it: the message says who. Some mutations take force.",
  UNAVAILABLE:
    "The database did not answer: try again. What a mutation was to change may have been changed or not: look, or ask with the same idempotencyKey.",
  INTERNAL: "A fault of the server. The request id leads to its log.",
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error whose code and message clients may see. Its message never holds a secret or an echo of input. */
export abstract class CodedError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string = ERROR_CODES[code],
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Denied, missing or broken: answers in `errors[]`. */
export class Denial extends CodedError {}

/** Understood and refused, for the user to mend: answers in the payload's `userErrors`. */
export class Refusal extends CodedError {
  constructor(
    code: ErrorCode,
    message?: string,
    /** Path of the input field at fault, below `input`; null where it is no single field's. */
    readonly field: readonly string[] | null = null,
  ) {
    super(code, message);
  }
}
