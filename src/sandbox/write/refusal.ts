import { randomUUID } from "node:crypto";
import { AppleError, forbidden } from "../api/answer.js";

const PROBLEM = "There is a problem with the request entity";

/** What was asked for breaks a rule of the team. */
export function conflict(detail: string): AppleError {
  return new AppleError(409, "ENTITY_ERROR", PROBLEM, detail);
}

/** The body is no JSON. */
export function entityInvalid(): AppleError {
  return new AppleError(400, "ENTITY_INVALID", "JSON processing failed", "The request entity is not valid JSON");
}

/** The body is JSON, and no document of Apple's. `where` is a path such as `data.attributes`. */
export function unprocessable(where: string): AppleError {
  const title = "The request entity is not a valid request document object";
  return new AppleError(422, "ENTITY_UNPROCESSABLE", title, `Unexpected or invalid value at '${where}'.`);
}

/** The type of the resource has no such attribute. Apple gives no id here. */
export function unknownAttribute(name: string, type: string): AppleError {
  const title = "The provided entity includes an unknown attribute";
  const source = { pointer: `/data/attributes/${name}` };
  const detail = `'${name}' is not an attribute on the resource '${type}'`;
  return new AppleError(409, "ENTITY_ERROR.ATTRIBUTE.UNKNOWN", title, detail, { source });
}

/** A value that is no value of its attribute. */
export function wrongAttribute(name: string, value: unknown, oneOf?: readonly string[]): AppleError {
  const expected = oneOf ? `Expected one of: ${oneOf.map((known) => `'${known}'`).join(", ")}` : "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const detail = `'${text}' is not a valid value for the attribute '${name}'. ${expected}`.trim();
  const title = "An attribute in the provided entity has the wrong type";
  return new AppleError(409, "ENTITY_ERROR.ATTRIBUTE.TYPE", title, detail, ofAttribute(name));
}

/** An attribute that has to be there is not. */
export function missingAttribute(name: string): AppleError {
  const title = "The provided entity is missing a required attribute";
  const detail = `You must provide a value for the attribute '${name}' with this request`;
  return new AppleError(409, "ENTITY_ERROR.ATTRIBUTE.REQUIRED", title, detail, ofAttribute(name));
}

/** A text that is of the right type and not one that Apple takes. Without a name Apple points nowhere. */
export function invalidAttribute(detail: string, name?: string): AppleError {
  const title = "An attribute in the provided entity has invalid value";
  const more = name === undefined ? { id: randomUUID() } : ofAttribute(name);
  return new AppleError(409, "ENTITY_ERROR.ATTRIBUTE.INVALID", title, detail, more);
}

/** A value that something else has already. */
export function duplicateAttribute(name: string, detail: string): AppleError {
  const title = "The provided entity includes an attribute with a value that has already been used";
  return new AppleError(409, "ENTITY_ERROR.ATTRIBUTE.INVALID.DUPLICATE", title, detail, ofAttribute(name));
}

/** The type of the resource has no such relationship. */
export function unknownRelationship(name: string, type: string): AppleError {
  const title = "The provided entity includes an unknown relationship";
  const detail = `'${name}' is not a relationship on the resource '${type}'`;
  return new AppleError(409, "ENTITY_ERROR.RELATIONSHIP.UNKNOWN", title, detail, ofRelationship(name));
}

/** A relationship that has to be there is not. */
export function missingRelationship(name: string): AppleError {
  const title = "The provided entity is missing a required relationship";
  const detail = `You must provide a value for the relationship '${name}' with this request`;
  return new AppleError(409, "ENTITY_ERROR.RELATIONSHIP.REQUIRED", title, detail, ofRelationship(name));
}

/** A relationship that leads where it must not. */
export function invalidRelationship(name: string, detail: string): AppleError {
  const title = "The provided entity includes a relationship with an invalid value";
  return new AppleError(409, "ENTITY_ERROR.RELATIONSHIP.INVALID", title, detail, ofRelationship(name));
}

/** Devices are missing from a profile that is for some devices only. */
export function devicesRequired(): AppleError {
  const detail = "The relationship 'devices' is required but was not provided with this request.";
  const title = "Relationship is required but was not provided.";
  return new AppleError(409, "ENTITY_ERROR.RELATIONSHIP.REQUIRED", title, detail);
}

/** Devices are named for a profile that is for any. */
export function devicesNotAllowed(): AppleError {
  const detail = "No devices can be associated to Provisioning Profiles for the App Store.";
  const title = "A relationship in the provided entity is not allowed for this request";
  return new AppleError(409, "ENTITY_ERROR.RELATIONSHIP.NOT_ALLOWED", title, detail);
}

/** The identifier that a certificate is for is not there. Observed with the text "null". */
export function noIdentifier(id = "null"): AppleError {
  const title = "The specified resource does not exist";
  return new AppleError(404, "NOT_FOUND", title, `There is no identifier with ID '${id}' on this team.`);
}

/** No key at all may do this. */
export function accountHolderOnly(): AppleError {
  return forbidden("This operation can only be performed by the Account Holder");
}

/** Throws where a key of a developer would touch what is signed for distribution. */
export function mayDistribute(role: string): void {
  if (role === "DEVELOPER") throw forbidden();
}

function ofAttribute(name: string) {
  return { id: randomUUID(), source: { pointer: `/data/attributes/${name}` } };
}

function ofRelationship(name: string) {
  return { id: randomUUID(), source: { pointer: `/data/relationships/${name}` } };
}
