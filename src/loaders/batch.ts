import DataLoader from "dataloader";
import type { Assumptions } from "./assumption.js";

/** A page of a list: `after` is the id of the last row before it, null at the start. */
export interface PageArgs {
  readonly first: number;
  readonly after: string | null;
}

/** The rows of a page and one more where there are more, in the order of their ids. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasNextPage: boolean;
}

/** What is known already, or is on its way. */
export type Found<Value> = Value | Promise<Value>;

/** A DataLoader that is made when it is first asked: a request has many loaders, and asks few. */
export class Loader<Key, Value, CacheKey = Key> {
  #made: DataLoader<Key, Value, CacheKey> | null = null;
  #known: Map<Key, Value> | null = null;

  constructor(
    private readonly batch: DataLoader.BatchLoadFn<Key, Value>,
    private readonly options: DataLoader.Options<Key, Value, CacheKey> = {},
    /** What is taken for granted, while `ask` asks for it; undefined: nothing is. */
    private readonly assume: (key: Key, ask: () => Promise<unknown>) => Value | undefined = () => undefined,
  ) {}

  get #loader(): DataLoader<Key, Value, CacheKey> {
    return (this.#made ??= new DataLoader(this.batch, this.options));
  }

  load(key: Key): Promise<Value> {
    return Promise.resolve(this.find(key));
  }

  /** As `load`, but what is known already is not waited for: a list of hundreds asks for the same few. */
  find(key: Key): Found<Value> {
    return this.#known?.get(key) ?? this.#assumed(key) ?? this.#loader.load(key);
  }

  #assumed(key: Key): Value | undefined {
    const assumed = this.assume(key, () => this.#loader.load(key));
    if (assumed !== undefined) this.prime(key, assumed);
    return assumed;
  }

  loadMany(keys: readonly Key[]): Promise<(Value | Error)[]> {
    return this.#loader.loadMany(keys);
  }

  /** What is known already is not asked for. */
  prime(key: Key, value: Value): void {
    this.#known ??= new Map();
    this.#known.set(key, value);
  }

  /** Asks for it again when it is wanted again. */
  clear(key: Key): this {
    this.#known?.delete(key);
    this.#made?.clear(key);
    return this;
  }
}

/** A loader of single rows: one statement for all the keys of a tick. Results are given back by key; null: none seen. */
export function oneByKey<Row>(
  load: (keys: readonly string[]) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): Loader<string, Row | null> {
  return new Loader(rowsByKey(load, keyOf));
}

/** A row that is named by an id of ours. */
interface Named {
  readonly id: string;
}

/** As `oneByKey`, of things by their ids; what the viewer saw before is taken for granted. `note` is told of each row. */
export function oneById<Row extends Named>(
  load: (ids: readonly string[]) => Promise<readonly Row[]>,
  assumptions: Assumptions,
  note: (row: Row) => void = () => undefined,
): Loader<string, Row | null> {
  const rowsOf = rowsByKey(load, (row) => row.id);
  const batch = async (ids: readonly string[]): Promise<(Row | null)[]> => {
    const rows = await rowsOf(ids);
    for (const [index, row] of rows.entries()) {
      assumptions.learn(ids[index] ?? "", row);
      if (row !== null) note(row);
    }
    return rows;
  };
  return new Loader<string, Row | null>(batch, {}, (id, ask) => {
    const row = assumptions.take<Row>(id, ask);
    if (row === null) return undefined;
    note(row);
    return row;
  });
}

function rowsByKey<Row>(
  load: (keys: readonly string[]) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): (keys: readonly string[]) => Promise<(Row | null)[]> {
  return async (keys) => {
    // PostgreSQL's text holds no NUL: a key with one is the key of nothing.
    const possible = keys.filter((key) => !key.includes("\u0000"));
    const found = new Map((await load(possible)).map((row) => [keyOf(row), row]));
    return keys.map((key) => found.get(key) ?? null);
  };
}

/** A loader of whole lists: one statement for all the keys of a tick, in the order in which it gives the rows. */
export function manyByKey<Row extends object>(
  load: (keys: readonly string[]) => Promise<readonly Listed<Row>[]>,
): Loader<string, Row[]> {
  return new Loader(async (keys) => {
    const found = groupBy(await load(keys), (row) => row.listKey);
    return keys.map((key) => found.get(key) ?? []);
  });
}

/** A page of the list that belongs to `key`, with what narrows the list. */
export interface ListKey<Filter> extends PageArgs {
  readonly key: string;
  readonly filter: Filter;
}

/** A row of a list that names the list it belongs to. */
export type Listed<Row> = Row & { readonly listKey: string };

/**
 * A loader of lists: one statement for all lists of a tick that ask for the same page and filter, never one a list.
 * `load` is given one row more than a page holds as its limit.
 */
export function pagesByKey<Row extends object, Filter>(
  load: (
    keys: readonly string[],
    page: { after: string; limit: number; filter: Filter },
  ) => Promise<readonly Listed<Row>[]>,
): Loader<ListKey<Filter>, Page<Listed<Row>>, string> {
  return new Loader(
    async (lists) => {
      const alikes = groupBy(lists, shapeOf);
      const pages = new Map<ListKey<Filter>, Page<Listed<Row>>>();
      await Promise.all(
        [...alikes.values()].map(async (alike) => {
          const [{ first, after, filter }] = alike as [ListKey<Filter>];
          const rows = await load(
            alike.map(({ key }) => key),
            { after: after ?? "", limit: first + 1, filter },
          );
          const byList = pagesOf(rows, first);
          for (const list of alike) pages.set(list, byList.get(list.key) ?? NO_ROWS);
        }),
      );
      return lists.map((list) => pages.get(list) ?? NO_ROWS);
    },
    { cacheKeyFn: (list) => `${list.key} ${shapeOf(list)}` },
  );
}

/** What lists have in common that one statement reads. */
const shapeOf = ({ first, after, filter }: ListKey<unknown>): string => JSON.stringify([first, after, filter]);

const NO_ROWS: Page<never> = { rows: [], hasNextPage: false };

const made = new WeakMap<readonly object[], ReadonlyMap<string, Page<object>>>();

/** The pages that rows make, by their lists: rows that are as they were make the very same pages. */
function pagesOf<Row extends object>(
  rows: readonly Listed<Row>[],
  first: number,
): ReadonlyMap<string, Page<Listed<Row>>> {
  const before = made.get(rows);
  if (before !== undefined) return before as ReadonlyMap<string, Page<Listed<Row>>>;
  const pages = new Map<string, Page<Listed<Row>>>();
  for (const [key, found] of groupBy(rows, (row) => row.listKey)) {
    pages.set(key, { rows: found.slice(0, first), hasNextPage: found.length > first });
  }
  made.set(rows, pages);
  return pages;
}

/** Items by a key of theirs. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
