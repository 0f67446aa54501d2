import { type ClassType, Field, Int, ObjectType } from "type-graphql";
import type { ListKey, Page } from "../loaders/batch.js";
import { SharingTag } from "../entities/share.js";
import { Denial } from "../errors.js";

/** Rows that one page holds at most, and where nobody says. */
export const PAGE_MOST = 200;
export const PAGE_DEFAULT = 50;

/** What a list argument named `first` is described as. */
export const FIRST = {
  defaultValue: PAGE_DEFAULT,
  description: `How many at most: 1 to ${PAGE_MOST}.`,
} as const;
/** What a list argument named `after` is described as. */
export const AFTER = { nullable: true, description: "The cursor of the last item before this page." } as const;

/** Where a page stands in its list. */
@ObjectType({ simpleResolvers: true, description: "Where a page stands in its list." })
export class PageInfo {
  @Field(() => Boolean, { description: "Whether more items follow." })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: "Whether items come before." })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: "Cursor of the first item here; null on an empty page." })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: "Cursor of the last item here: `after` of the next page." })
  endCursor!: string | null;
}

/** An item of a list with its cursor, and what belongs to its place in this list. */
export interface Edge<Row> {
  readonly cursor: string;
  readonly node: Row;
}

/** One page of a list (Relay). */
export interface Connection<Row> {
  readonly edges: readonly Edge<Row>[];
  readonly nodes: readonly Row[];
  readonly pageInfo: PageInfo;
}

/** Adds fields to a type made by `connectionType`: decorators, applied to its prototype. */
type Extend = (prototype: object) => void;

/** The GraphQL types `<name>Connection` and `<name>Edge` over a node type. */
export function connectionType(
  name: string,
  node: () => object,
  options: { nodes?: false; edge?: Extend; connection?: Extend } = {},
): ClassType<Connection<unknown>> {
  const of = node as () => ClassType;

  @ObjectType(`${name}Edge`, { simpleResolvers: true, description: "An item of a list with its cursor." })
  class TypedEdge {
    @Field(() => String, { description: "Where the item stands in the list; opaque." })
    cursor!: string;

    @Field(of, { description: "The item." })
    node!: unknown;
  }

  @ObjectType(`${name}Connection`, { simpleResolvers: true, description: "A page of a list." })
  class TypedConnection {
    @Field(() => [TypedEdge], { description: "The items with their cursors." })
    edges!: TypedEdge[];

    nodes!: unknown[];

    @Field(() => PageInfo, { description: "Where this page stands in the list." })
    pageInfo!: PageInfo;
  }

  if (options.nodes !== false) {
    Field(() => [of()], { description: "The items, without their cursors." })(TypedConnection.prototype, "nodes");
  }
  options.edge?.(TypedEdge.prototype);
  options.connection?.(TypedConnection.prototype);
  return TypedConnection;
}

/** A decorator that one cannot write on a class made by a function. */
export function field(name: string, type: () => unknown, options: { description: string; nullable?: true }): Extend {
  return (prototype) => {
    Field(type as () => ClassType, options)(prototype, name);
  };
}

/** What an edge says of something in a tenant's list. */
export const sharingTag = field("tag", () => SharingTag, {
  nullable: true,
  description:
    "How it came into this list, since the same thing is tagged differently in each tenant's; null for one that is the tenant's own and not shared.",
});

/** The type of `first`. */
export const FirstType = () => Int;

/** What names are searched for, in the form in which they are stored; no name holds a NUL, and PostgreSQL takes none. */
export const searchOf = (text: string | null | undefined): string =>
  (text ?? "").normalize("NFC").replaceAll("\u0000", "\ufffd");

const toCursor = (id: string): string => Buffer.from(id).toString("base64url");

/** Reads a cursor back. Throws INVALID_INPUT for what was never one. */
function fromCursor(cursor: string): string {
  const id = Buffer.from(cursor, "base64url").toString();
  if (cursor.length > 200 || toCursor(id) !== cursor || !/^[\x20-\x7e]*$/.test(id)) {
    throw new Denial("INVALID_INPUT", "`after` is no cursor of this list.");
  }
  return id;
}

/** Checks the arguments of a list and names the page of it. Throws INVALID_INPUT. */
export function pageOf<Filter>(
  key: string,
  first: number,
  after: string | null | undefined,
  filter: Filter,
): ListKey<Filter> {
  if (first < 1 || first > PAGE_MOST) throw new Denial("INVALID_INPUT", `\`first\` must be 1 to ${PAGE_MOST}.`);
  return { key, first, after: after === null || after === undefined ? null : fromCursor(after), filter };
}

/** An item at its place in the list. */
class PlacedEdge<Row> implements Edge<Row> {
  constructor(
    readonly node: Row,
    private readonly place: string,
  ) {}

  /** Made where it is selected: few who page ask for all of them. */
  get cursor(): string {
    return toCursor(this.place);
  }
}

/** A page whose edges and cursors are made only where they are selected. */
class PageConnection<Row> implements Connection<Row> {
  constructor(
    readonly nodes: readonly Row[],
    private readonly edgeOf: (row: Row) => Edge<Row>,
    private readonly place: Pick<PageInfo, "hasNextPage" | "hasPreviousPage">,
  ) {}

  get edges(): readonly Edge<Row>[] {
    return this.nodes.map(this.edgeOf);
  }

  get pageInfo(): PageInfo {
    const cursorOf = (row: Row | undefined): string | null => (row === undefined ? null : this.edgeOf(row).cursor);
    return { ...this.place, startCursor: cursorOf(this.nodes[0]), endCursor: cursorOf(this.nodes.at(-1)) };
  }
}

/** A loaded page as a connection. `edge` gives what else belongs to a row's place in this list. */
export function connectionOf<Row extends { id: string }>(
  { rows, hasNextPage }: Page<Row>,
  { after }: { after: string | null },
  edge: (row: Row) => object = () => ({}),
): Connection<Row> {
  const edgeOf = (node: Row): Edge<Row> => Object.assign(new PlacedEdge(node, node.id), edge(node));
  return new PageConnection(rows, edgeOf, { hasNextPage, hasPreviousPage: after !== null });
}

/** As `pageOf`, for a list whose items are in the order of their `position`, which has this form. */
export function pageAfterPosition<Filter>(
  key: string,
  first: number,
  after: string | null | undefined,
  filter: Filter,
  form = /^\d{1,9}$/,
): ListKey<Filter> {
  const page = pageOf(key, first, after, filter);
  if (page.after !== null && !form.test(page.after)) {
    throw new Denial("INVALID_INPUT", "`after` is no cursor of this list.");
  }
  return page;
}

/** As `connectionOf`, for a list whose items are in the order of their `position`; `edge` may put another node in the row's place. */
export function positionedConnection<Row extends { readonly position: number | string | null }>(
  { rows, hasNextPage }: Page<Row>,
  { after }: { after: string | null },
  edge: (row: Row) => object = () => ({}),
): Connection<Row> {
  const edgeOf = (row: Row): Edge<Row> => Object.assign(new PlacedEdge(row, String(row.position)), edge(row));
  return new PageConnection(rows, edgeOf, { hasNextPage, hasPreviousPage: after !== null });
}
