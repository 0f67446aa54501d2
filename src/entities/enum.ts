import { registerEnumType } from "type-graphql";

/** An enum of the graph out of a table: each value with its description. Gives the values by their names. */
export function describedEnum<const Name extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Name, string>>,
): { readonly [N in Name]: N } {
  const entries = Object.entries<string>(values);
  const made = Object.fromEntries(entries.map(([value]) => [value, value])) as { [N in Name]: N };
  const valuesConfig = Object.fromEntries(entries.map(([value, text]) => [value, { description: text }]));
  registerEnumType(made, { name, description, valuesConfig: valuesConfig as Record<Name, { description: string }> });
  return made;
}
