import { isSameRow, type Assuming } from "../database/known-rows.js";

/** How many rows a process remembers: the longest unseen goes first. */
const REMEMBERED_MOST = 20_000;

/** What viewers were shown by its id when they last asked: a guess, which each request asks the database to confirm. */
export class SeenRows {
  readonly #rows = new Map<string, object>();

  get(name: string): object | null {
    return this.#rows.get(name) ?? null;
  }

  /** `row` is null where there is none any more. */
  set(name: string, row: object | null): void {
    this.#rows.delete(name);
    if (row === null) return;
    this.#rows.set(name, row);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > REMEMBERED_MOST && oldest !== undefined) this.#rows.delete(oldest);
  }
}

/**
 * What a request takes for granted of what its viewer was shown before. The database is asked meanwhile, together with
 * what is read next, and nothing that came of it counts unless `hold` says that all was as it was taken for.
 */
export class Assumptions implements Assuming {
  readonly #asked: Promise<boolean>[] = [];

  private constructor(
    private readonly seen: SeenRows | null,
    /** Names the viewer, as it is now: one who stands elsewhere, or may do more or less, is another. */
    private readonly viewer: string,
    private takes: boolean,
  ) {}

  get mayTake(): boolean {
    return this.takes;
  }

  /** Takes for granted what the viewer saw, unless it `mayTake` nothing, and remembers what it sees now. */
  static of(seen: SeenRows, viewer: string, mayTake: boolean): Assumptions {
    return new Assumptions(seen, viewer, mayTake);
  }

  /** Takes nothing for granted, and remembers nothing. */
  static none(): Assumptions {
    return new Assumptions(null, "", false);
  }

  /** From now on everything is waited for: something is to be changed. */
  end(): void {
    this.takes = false;
  }

  /** The row that is taken for granted, while `ask` asks for it; null where none is. */
  take<Row>(id: string, ask: () => Promise<unknown>): Row | null {
    const row = this.mayTake ? (this.seen?.get(this.#nameOf(id)) ?? null) : null;
    if (row === null) return null;
    // What fails is not as it was taken for either: it is asked again, and fails where it is waited for.
    this.note(
      ask().then(
        (now) => now === row || (now !== null && isSameRow(now as object, row)),
        () => false,
      ),
    );
    return row as Row;
  }

  note(holds: Promise<boolean>): void {
    this.#asked.push(holds);
  }

  /** Notes what the database gave. */
  learn(id: string, row: object | null): void {
    this.seen?.set(this.#nameOf(id), row);
  }

  /** Whether all was as it was taken for. */
  async hold(): Promise<boolean> {
    // None rejects; and most are there already, so that they are not gathered first.
    for (const each of this.#asked) if (!(await each)) return false;
    return true;
  }

  #nameOf(id: string): string {
    return `${this.viewer} ${id}`;
  }
}
