/** A value of ASN.1: its tag, its length in DER, and what is in it. */
export function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const header = length < 0x80 ? [tag, length] : [tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

/** An object identifier by its content in hex. */
export const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, "hex"));

/** An INTEGER of at most 47 bits. */
export function int(value: number): Buffer {
  const hex = value.toString(16);
  return tlv(0x02, Buffer.from(`${hex.length % 2 === 0 ? "00" : "0"}${hex}`, "hex"));
}

/** An OCTET STRING. */
export const octets = (bytes: Buffer): Buffer => tlv(0x04, bytes);
