/** A text of so many parts. */
export const times = (count: number, make: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join(" ");

const wide = times(24, () => "...F");
const level = (name: string, next: string): string => `fragment ${name} on Viewer { ${times(24, () => `...${next}`)} }`;

/** Documents that are made to be slow, or to be more than is served, each with the code it is refused with. */
export const HOSTILE = [
  [
    "a bomb of fragments",
    "TOO_COMPLEX",
    `{ ...F0 } ${times(40, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} ...F${i + 1} }`)} fragment F40 on Query { __typename }`,
  ],
  [
    "a bomb of fragments that nothing spreads",
    "INVALID_INPUT",
    `{ __typename } ${times(40, (i) => `fragment F${i} on Query { ...F${i + 1} ...F${i + 1} }`)} fragment F40 on Query { __typename }`,
  ],
  [
    "a shallow bomb of fragments",
    "TOO_COMPLEX",
    `{ viewer { ${wide} } } ${level("F", "G")} ${level("G", "H")} ${level("H", "I")} fragment I on Viewer { tenants { nodes { id } } }`,
  ],
  ["a thousand aliases", "TOO_COMPLEX", `{ ${times(1_000, (i) => `a${i}: __typename`)} }`],
  ["a few hundred aliases", "TOO_COMPLEX", `{ ${times(300, (i) => `a${i}: __typename`)} }`],
  ["nesting without end", "TOO_COMPLEX", `{ ${"a { ".repeat(50_000)}`],
  ["nesting of 300 fields", "TOO_COMPLEX", `{ ${"viewer { ".repeat(300)} id ${" }".repeat(301)}`],
  ["lists in lists", "TOO_COMPLEX", `{ nodes(ids: ${"[".repeat(100_000)}`],
  ["lists in lists, few", "INVALID_INPUT", `{ nodes(ids: ${"[".repeat(480)} ${"]".repeat(480)}) { id } }`],
  ["a thousand directives on one field", "TOO_COMPLEX", `{ __typename ${"@include(if: true)".repeat(150)} }`],
  ["a directive of nobody's", "TOO_COMPLEX", `{ __typename ${"@a".repeat(400)} }`],
  [
    "a circle of fragments",
    "INVALID_INPUT",
    "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
  ],
  ["a fragment of itself", "INVALID_INPUT", "{ viewer { ...A } } fragment A on Viewer { ...A __typename }"],
  ["the same operation name twice", "INVALID_INPUT", "query A { __typename } query A { __typename }"],
  ["a huge number", "INVALID_INPUT", `{ viewer { tenants(first: ${"9".repeat(10_000)}) { nodes { id } } } }`],
  [
    "a mutation of many, by aliases",
    "TOO_COMPLEX",
    `mutation { ${times(60, (i) => `a${i}: unshare(input: {subjectId: "x"}) { deletedId }`)} }`,
  ],
  ["a subscription", "INVALID_INPUT", "subscription { viewer { __typename } }"],
  ["a type definition", "INVALID_INPUT", "type Query { viewer: Int }"],
  ["nothing", "INVALID_INPUT", ""],
  ["a comment", "INVALID_INPUT", `# ${"x".repeat(200_000)}`],
] as const;
