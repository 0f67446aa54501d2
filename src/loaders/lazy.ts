/** Makes a group of loaders from the sources of a request; `others` are all loaders of it. */
type Group<Sources, All> = (sources: Sources, others: All) => object;

/**
 * Makes what has all loaders of the groups as its properties, and makes a group when the first of its loaders is asked
 * for: of dozens a request asks few. Which group has which loader is learnt from the first request, whose groups are
 * all made. No two groups may have a loader of one name.
 */
export function lazily<Sources, All extends object>(
  groups: Readonly<Record<string, Group<Sources, All>>>,
): (sources: Sources) => All {
  let prototype: object | null = null;
  return (sources) => {
    prototype ??= prototypeOf(groups, sources);
    return Object.create(prototype, { [SOURCES]: { value: sources } }) as All;
  };
}

const SOURCES = Symbol("sources");

function prototypeOf<Sources, All>(groups: Readonly<Record<string, Group<Sources, All>>>, sample: Sources): object {
  const prototype = {};
  for (const make of Object.values(groups)) {
    for (const name of Object.keys(make(sample, {} as All))) {
      if (name in prototype) throw new Error(`Two groups have a loader of the name ${name}`);
      Object.defineProperty(prototype, name, {
        configurable: false,
        get(this: All & { [SOURCES]: Sources }) {
          // From now on the group's loaders are found without asking.
          const group = make(this[SOURCES], this) as Record<string, unknown>;
          for (const [key, value] of Object.entries(group)) Object.defineProperty(this, key, { value });
          return group[name];
        },
      });
    }
  }
  return prototype;
}
