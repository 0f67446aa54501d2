import {
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLResolveInfo,
  type SelectionSetNode,
} from "graphql";

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;

/** What was found of a list's selection, kept as long as its document is. */
const found = new WeakMap<FieldNode, Map<ReadonlySet<string>, boolean>>();

/**
 * Whether a connection's items are asked for nothing but these fields, in `nodes` and in `edges`. What a directive would
 * leave out counts: the answer holds for all variables.
 */
export function nodesNeedOnly({ fieldNodes, fragments }: GraphQLResolveInfo, fields: ReadonlySet<string>): boolean {
  return fieldNodes.every((node) => {
    const known = found.get(node) ?? new Map<ReadonlySet<string>, boolean>();
    found.set(node, known);
    const answer =
      known.get(fields) ?? [...namesOfItems(node.selectionSet, fragments)].every((name) => fields.has(name));
    known.set(fields, answer);
    return answer;
  });
}

function* namesOfItems(connection: SelectionSetNode | undefined, fragments: Fragments): Iterable<string> {
  for (const field of fieldsIn(connection, fragments)) {
    const name = field.name.value;
    if (name === "nodes" || name === "node") {
      for (const item of fieldsIn(field.selectionSet, fragments)) yield item.name.value;
    } else if (name === "edges") yield* namesOfItems(field.selectionSet, fragments);
  }
}

function* fieldsIn(selections: SelectionSetNode | undefined, fragments: Fragments): Iterable<FieldNode> {
  for (const selection of selections?.selections ?? []) {
    if (selection.kind === Kind.FIELD) yield selection;
    else if (selection.kind === Kind.INLINE_FRAGMENT) yield* fieldsIn(selection.selectionSet, fragments);
    else yield* fieldsIn(fragments[selection.name.value]?.selectionSet, fragments);
  }
}
