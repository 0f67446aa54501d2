import { Refusal } from "../errors.js";

export const NAME_CHARACTERS = 100;
const EMAIL_CHARACTERS = 254; // RFC 5321, with the angle brackets taken off.

const invalid = (message: string, field: string): Refusal => new Refusal("INVALID_INPUT", message, [field]);

/** A name as people write it: trimmed, 1 to 100 characters, no control characters. */
export function nameOf(text: string, field = "name"): string {
  const name = text.normalize("NFC").trim();
  if (name === "") throw invalid("The name is empty.", field);
  if (name.length > NAME_CHARACTERS) throw invalid(`The name is longer than ${NAME_CHARACTERS} characters.`, field);
  if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/u.test(name)) throw invalid("The name holds characters that cannot be seen.", field);
  return name;
}

/** A name without case: what is unique. */
export function nameKeyOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** An e-mail address, in lower case. */
export function emailOf(text: string): string {
  const email = text.trim().toLowerCase();
  if (email.length > EMAIL_CHARACTERS || !/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email)) {
    throw invalid("This is no e-mail address.", "email");
  }
  return email;
}

/** A list of different values, at least one. */
export function someOf<T>(values: readonly T[], field: string, message: string): T[] {
  if (values.length === 0) throw invalid(message, field);
  return [...new Set(values)];
}

/** Apple's key id or issuer id: printable, without spaces. Issuer ids are not always UUIDs. */
export function appleIdOf(text: string, field: "keyId" | "issuerId"): string {
  const id = text.trim();
  if (!/^[\x21-\x7e]{1,100}$/.test(id)) {
    throw invalid(
      `The ${field === "keyId" ? "key id" : "issuer id"} is not in the form that App Store Connect shows.`,
      field,
    );
  }
  return id;
}

/** The bytes of a file that came as base64, also with line breaks in it. */
export function bytesOf(base64: string, field: readonly string[]): Buffer {
  const text = base64.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new Refusal("INVALID_INPUT", "This is not base64 of a file.", field);
  return Buffer.from(text, "base64");
}
