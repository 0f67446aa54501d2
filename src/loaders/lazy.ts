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
  const makers = Object.values(groups);

  /** The loaders of one request: each is a property of the class, so that a request makes one small object. */
  class Lazy {
    readonly #sources: Sources;
    readonly #made: (Readonly<Record<string, unknown>> | undefined)[] = [];

    constructor(sources: Sources) {
      this.#sources = sources;
    }

    static learn(sample: Sources): void {
      const properties: PropertyDescriptorMap = {};
      for (const [n, make] of makers.entries()) {
        for (const name of Object.keys(make(sample, {} as All))) {
          if (name in properties) throw new Error(`Two groups have a loader of the name ${name}`);
          properties[name] = {
            get(this: Lazy) {
              const group = (this.#made[n] ??= make(this.#sources, this as unknown as All) as Record<string, unknown>);
              return group[name];
            },
          };
        }
      }
      Object.defineProperties(Lazy.prototype, properties);
    }
  }

  let isLearnt = false;
  return (sources) => {
    if (!isLearnt) Lazy.learn(sources);
    isLearnt = true;
    return new Lazy(sources) as unknown as All;
  };
}
