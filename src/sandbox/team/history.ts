import type { AnyStored, Belongings, ResourceType, Team } from "./team.js";

/** One change of a team. Without a before the thing was added, without an after removed. */
interface Change {
  team: Team;
  type: ResourceType;
  /** Milliseconds of the epoch. */
  at: number;
  /** Where in its list the thing was. */
  index: number;
  before: AnyStored | null;
  after: AnyStored | null;
}

/** More changes than this within the lag of lists are not told apart. */
const MAX_CHANGES = 10_000;

/** What calls changed, so that lists can lag behind. What tests change in a team by hand is not in it. */
export class History {
  private readonly changes: Change[] = [];

  /** Notes a change. */
  add(change: Change): void {
    this.changes.push(change);
    if (this.changes.length > MAX_CHANGES) this.changes.shift();
  }

  /** What a team had before the changes of the last `lagMs`. */
  before(lagMs: number, now: Date, team: Team, type: ResourceType): readonly AnyStored[] {
    const list: AnyStored[] = [...team[type]];
    const since = now.getTime() - lagMs;
    const recent = this.changes.filter((change) => change.team === team && change.type === type && change.at > since);
    for (const { index, before, after } of recent.reverse()) {
      const found = after === null ? index : list.indexOf(after);
      if (found >= 0) list.splice(found, after === null ? 0 : 1, ...(before === null ? [] : [before]));
    }
    return list;
  }
}

/** The hand of one call on its team. */
export class Edit {
  /** Whether the call changed anything. */
  acted = false;

  constructor(
    private readonly team: Team,
    private readonly history: History,
    private readonly now: Date,
  ) {}

  /** Adds a thing, and gives it back. */
  add<Type extends ResourceType>(type: Type, stored: Belongings[Type][number]): AnyStored {
    const all = this.team[type] as AnyStored[];
    this.note(type, all.push(stored) - 1, null, stored);
    return stored;
  }

  /** Puts some attributes of a thing in place of others, and gives the new one back; the old one where nothing differs. */
  change<Type extends ResourceType>(
    type: Type,
    stored: AnyStored,
    attributes: Partial<Belongings[Type][number]["attributes"]>,
  ): AnyStored {
    const differs = Object.entries(attributes).some(([name, value]) => stored.attributes[name] !== value);
    if (!differs) return stored;
    const all = this.team[type] as AnyStored[];
    const after = { ...stored, attributes: { ...stored.attributes, ...attributes } };
    const index = all.indexOf(stored);
    all[index] = after;
    this.note(type, index, stored, after);
    return after;
  }

  /** Takes a thing away. */
  remove(type: ResourceType, stored: AnyStored): void {
    const all = this.team[type] as AnyStored[];
    const index = all.indexOf(stored);
    all.splice(index, 1);
    this.note(type, index, stored, null);
  }

  private note(type: ResourceType, index: number, before: AnyStored | null, after: AnyStored | null): void {
    this.acted = true;
    this.history.add({ team: this.team, type, at: this.now.getTime(), index, before, after });
  }
}
