import { randomUUID } from "node:crypto";

/** What goes back over HTTP. */
export interface Answer {
  status: number;
  headers: Record<string, string | string[]>;
  /** A text goes out as it is, anything else as JSON. */
  body: unknown;
}

/** One error of Apple's answers. */
interface ErrorEntry {
  id?: string;
  status: string;
  code: string;
  title: string;
  detail: string;
  source?: { pointer: string } | { parameter: string };
  links?: { see: string };
}

/** Thrown wherever a call cannot be answered; becomes Apple's error body. */
export class AppleError extends Error {
  readonly entry: ErrorEntry;
  /** What else is wrong with the same call. */
  also: readonly AppleError[] = [];

  constructor(
    readonly status: number,
    code: string,
    title: string,
    detail: string,
    more: Pick<ErrorEntry, "source" | "links" | "id"> = { id: randomUUID() },
  ) {
    super(detail);
    const { id, ...rest } = more;
    this.entry = { ...(id !== undefined && { id }), status: String(status), code, title, detail, ...rest };
  }

  /** The error as an answer. */
  toAnswer(): Answer {
    return { status: this.status, headers: {}, body: { errors: [this, ...this.also].map(({ entry }) => entry) } };
  }
}

/** No key, or no valid token. Apple gives no id here. */
export function notAuthorized(): AppleError {
  return new AppleError(
    401,
    "NOT_AUTHORIZED",
    "Authentication credentials are missing or invalid.",
    "Provide a properly configured and signed bearer token, and make sure that it has not expired. " +
      "Learn more about Generating Tokens for API Requests https://developer.apple.com/go/?id=api-generating-tokens",
    {},
  );
}

/** The key is good and may not do this. */
export function forbidden(detail = "The API key in use does not allow this request"): AppleError {
  return new AppleError(403, "FORBIDDEN_ERROR", "This request is forbidden for security reasons", detail);
}

/** The team has stopped paying, or never began. */
export function membershipInactive(teamId: string): AppleError {
  return forbidden(
    `Team ID: '${teamId}' is not associated with an active membership. To check your teams membership status, ` +
      "sign in your account on the developer website. https://developer.apple.com/account/",
  );
}

/** The Account Holder has not signed what Apple wants signed. This id is no UUID. */
export function agreementMissing(): AppleError {
  return new AppleError(
    403,
    "FORBIDDEN.REQUIRED_AGREEMENTS_MISSING_OR_EXPIRED",
    "A required agreement is missing or has expired.",
    "This request requires an in-effect agreement that has not been signed or has expired.",
    { id: "XHI3JTPAXPXMTCWTY6RJMMMZUI", links: { see: "/agreements" } },
  );
}

/** The budget of the key is spent. */
export function rateLimited(): AppleError {
  return new AppleError(
    429,
    "RATE_LIMIT_EXCEEDED",
    "The request rate limit has been reached.",
    "We've received too many requests for this API. Please wait and try again or slow down your request rate.",
    {},
  );
}

/** A fault at Apple, under whatever status. */
export function unexpected(status: number): AppleError {
  return new AppleError(
    status,
    "UNEXPECTED_ERROR",
    "An unexpected error occurred.",
    "An unexpected error occurred on the server side. " +
      "If this issue continues, contact us at https://developer.apple.com/contact/.",
    {},
  );
}

/** A parameter that this route does not take. */
export function illegalParameter(parameter: string, why = ""): AppleError {
  const detail = `The parameter '${parameter}' can not be used with this request${why}`;
  const title = "A given parameter is not allowed for this request";
  return new AppleError(400, "PARAMETER_ERROR.ILLEGAL", title, detail, { id: randomUUID(), source: { parameter } });
}

/** A parameter that this route takes, with a value that it does not. */
export function invalidParameter(parameter: string, detail: string): AppleError {
  const title = "A parameter has an invalid value";
  return new AppleError(400, "PARAMETER_ERROR.INVALID", title, detail, { id: randomUUID(), source: { parameter } });
}

/** A cursor that leads nowhere. */
export function invalidCursor(cursor: string): AppleError {
  return invalidParameter("cursor", `'${cursor}' is not a valid cursor for this request`);
}

/** A parameter given twice. */
export function duplicateParameter(parameter: string): AppleError {
  const title = "A parameter is included more than once";
  const detail = `The parameter '${parameter}' can only be included once`;
  return new AppleError(400, "PARAMETER_ERROR.DUPLICATE", title, detail, { id: randomUUID(), source: { parameter } });
}

/** There is no such thing in this team. The pointer has no slash in front, as observed of provisioning. */
export function notFound(type: string, id: string): AppleError {
  const title = "The specified resource does not exist";
  const detail = `There is no resource of type '${type}' with id '${id}'`;
  return new AppleError(404, "NOT_FOUND", title, detail, { id: randomUUID(), source: { pointer: "data/id" } });
}

/** There is no such route. */
export function pathError(detail: string): AppleError {
  return new AppleError(404, "PATH_ERROR", "The URL path is not valid", detail);
}

/** There is the route, for other methods. */
export function methodNotAllowed(): AppleError {
  return new AppleError(
    405,
    "METHOD_NOT_ALLOWED",
    "The request method is not valid for the resource path.",
    "The request method used for this request is not valid for the resource path. Please consult the documentation.",
  );
}

/** The one error that Apple answers as a text. */
class PlainError extends AppleError {
  override toAnswer(): Answer {
    return { status: this.status, headers: { "content-type": "text/plain" }, body: this.message };
  }
}

/** The body is said to be something else than JSON. */
export function notJson(): AppleError {
  const detail = "The Content-Type must be 'application/json'";
  return new PlainError(415, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type", detail);
}
