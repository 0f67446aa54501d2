/** How much of a secret tells something: 12 bytes of it, or 12 characters. */
const WINDOW = 12;

/** What is looked for in texts: stretches of secrets in every form in which they might be written, by how they begin. */
export class Windows {
  readonly #byBeginning = new Map<string, Map<string, string>>();

  /** Bytes, as they would be written in hex and in base64 wherever they begin. */
  bytes(name: string, secret: Uint8Array): void {
    const bytes = Buffer.from(secret);
    for (let at = 0; at + WINDOW <= bytes.length; at += 1) {
      const window = bytes.subarray(at, at + WINDOW);
      this.#add(name, window.toString("hex"));
      this.#add(name, window.toString("hex").toUpperCase());
      this.#add(name, window.toString("base64"));
      this.#add(name, window.toString("base64url"));
      this.#add(name, [...window].join(","));
    }
  }

  /** A text, as it is and in base64 and hex. */
  text(name: string, secret: string): void {
    for (let at = 0; at + WINDOW <= secret.length; at += 1) this.#add(name, secret.slice(at, at + WINDOW));
    this.bytes(name, Buffer.from(secret));
  }

  /** The names of the secrets of which something is in a text. */
  in(text: string): string[] {
    const found = new Set<string>();
    for (let at = 0; at + WINDOW <= text.length; at += 1) {
      const windows = this.#byBeginning.get(text.slice(at, at + WINDOW));
      if (windows === undefined) continue;
      for (const [window, name] of windows) if (text.startsWith(window, at)) found.add(name);
    }
    return [...found].sort();
  }

  #add(name: string, window: string): void {
    const beginning = window.slice(0, WINDOW);
    const windows = this.#byBeginning.get(beginning) ?? new Map<string, string>();
    this.#byBeginning.set(beginning, windows.set(window, name));
  }
}
