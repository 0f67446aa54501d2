import { inspect } from "node:util";

const SHOWN = "[secret]";

/** Bytes that must not be seen: prints as `[secret]` however it is printed, and is opened by `use` alone. */
export class Secret {
  // A #private field is out of reach of JSON, spread, structuredClone and util.inspect, which all read properties.
  readonly #bytes: Buffer;

  private constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** A secret of its own copy of the bytes; a string is taken as UTF-8. */
  static of(value: Uint8Array | string): Secret {
    // Not Buffer.from(string): small buffers share one 8 KB pool, and `bytes.buffer` would show neighbours.
    const bytes = Buffer.alloc(typeof value === "string" ? Buffer.byteLength(value) : value.length);
    if (typeof value === "string") bytes.write(value);
    else bytes.set(value);
    return new Secret(bytes);
  }

  /** Lends the bytes to `fn` and returns what it returns. They are borrowed: neither change nor keep them. */
  use<T>(fn: (bytes: Buffer) => T): T {
    return fn(this.#bytes);
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [Symbol.toPrimitive](): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
