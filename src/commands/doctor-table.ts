import type { KeptList, KeyReport } from "../services/doctor.js";
import type { ServerCheck } from "./doctor.js";

/** Columns that a line has at most. */
const LINE_COLUMNS = 100;

/** The columns of a key, each with its width; two spaces between them. */
const COLUMNS = [
  ["KEY", 24],
  ["OWNER", 18],
  ["KEY ID", 10],
  ["PROGRAM", 10],
  ["TYPE", 10],
  ["STATUS", 17],
] as const;

const CHECKS: Readonly<Record<ServerCheck["check"], string>> = {
  DATABASE: "database",
  MIGRATIONS: "migrations",
  VAULT: "vault",
  APP_STORE: "App Store Connect",
  ENTERPRISE: "Enterprise Program",
};
const RESOURCES: Readonly<Record<KeyReport["resources"][number]["resource"], string>> = {
  CERTIFICATES: "certificates",
  PROFILES: "provisioning profiles",
  BUNDLE_IDS: "bundle ids",
  DEVICES: "devices",
  APPS: "apps",
};

/** What a terminal would act on, or show as something else: controls, and what turns or hides letters. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const printable = (text: string): string => text.replaceAll(UNSAFE, "\uFFFD");

/** JSON on many lines, in which what a terminal would act on is escaped. */
export function safeJson(value: unknown): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value, null, 2).replaceAll(UNSAFE, (found) =>
    found === "\n" ? found : found.split("").map(escaped).join(""),
  );
}

/** The server's own checks, a line each, with advice below. */
export function serverTable(checks: readonly ServerCheck[], coloured: boolean): string {
  const rows = checks.flatMap(({ check, ok, detail, advice }) => [
    `  ${painted(ok ? "✓" : "✗", ok, coloured)} ${fit(CHECKS[check], 20)}${printable(detail)}`,
    ...(advice === null ? [] : adviceLines(advice)),
  ]);
  return ["Server", ...rows].join("\n");
}

/** The keys, organization by organization, each with what it may do at Apple, what is kept, and advice. */
export function keysTable(keys: readonly KeyReport[], coloured: boolean): string {
  if (keys.length === 0) return "\nThere is no key yet: createCredential adds one.";
  const lines: string[] = [];
  let organization = "";
  for (const key of keys) {
    if (key.organization.id !== organization) {
      organization = key.organization.id;
      lines.push("", `${cut(key.organization.name, 60)} (${organization})`);
      lines.push(COLUMNS.map(([title, width]) => fit(title, width)).join("  "));
    }
    lines.push(...keyLines(key, coloured));
  }
  const working = keys.filter(({ works }) => works).length;
  lines.push("", `${working} of ${count(keys.length, "key")} ${working === 1 ? "works" : "work"}.`);
  return lines.map((line) => line.trimEnd()).join("\n");
}

function keyLines(key: KeyReport, coloured: boolean): string[] {
  const { name, owner, keyId, program, keyType, status, resources, lists } = key;
  const cells = [name, owner.name, keyId, program, keyType].map((text, at) => fit(text, COLUMNS[at]?.[1] ?? 0));
  const probes = resources.map((probe) => {
    const kept = keptOf(lists.find(({ list }) => list === probe.resource));
    return { label: RESOURCES[probe.resource], status: probe.status, kept };
  });
  const rows = probes.map(({ label, status: of, kept }) => {
    const padding = " ".repeat(17 - of.length);
    return `  ${fit(label, 22)}  ${painted(of, of === "WORKING", coloured)}${padding}  ${kept}`;
  });
  // What is wrong with all of a key is said once.
  const advice = new Set([key.vault.advice, key.advice, ...resources.map((probe) => probe.advice)]);
  return [
    [...cells, painted(status, status === "WORKING", coloured)].join("  "),
    ...rows,
    ...wrapped(factsOf(key).join("; "), "  "),
    ...[...advice].filter((each) => each !== null).flatMap((each) => adviceLines(each)),
  ];
}

function keptOf(kept: KeptList | undefined): string {
  if (kept === undefined) return "";
  const age = kept.ageSeconds === null ? "nothing kept" : `kept list ${ageOf(kept.ageSeconds)} old`;
  return kept.problem === null ? age : `${age}; then ${printable(kept.problem.code)}`;
}

function factsOf({ id, vault, budget, share, clockSkewSeconds, lists, resources }: KeyReport): string[] {
  const facts = [id, vault.opens ? "the vault opens it" : "the vault does not open it"];
  if (budget !== null)
    facts.push(`${number(budget.remaining)} of ${number(budget.limitPerHour)} requests an hour left`);
  if (clockSkewSeconds !== null && !agrees(clockSkewSeconds)) facts.push(clockText(clockSkewSeconds));
  if (share !== null) {
    const users = `${share.withAllSubOrganizations ? "all " : ""}${count(share.subOrganizations, "sub-organization")}`;
    const until = share.expiresAt === null ? "" : ` until ${share.expiresAt.slice(0, 10)}`;
    facts.push(share.isOver ? `its share with ${users} is over` : `shared with ${users}${until}`);
  }
  // Where Apple was not asked there are no rows to say it in.
  const unsaid = lists.filter(({ list }) => !resources.some(({ resource }) => resource === list));
  return [...facts, ...unsaid.map((kept) => `${RESOURCES[kept.list]}: ${keptOf(kept)}`)];
}

const adviceLines = (advice: string): string[] => wrapped(`→ ${printable(advice)}`, "    ", "      ");

/** Text in lines, at words; what is longer than a line is left as it is. */
function wrapped(text: string, indent: string, next = indent): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of printable(text).split(" ")) {
    const longer = line.trim() === "" ? line + word : `${line} ${word}`;
    if (widthOf(longer) <= LINE_COLUMNS || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = next + word;
    }
  }
  return [...lines, line];
}

const painted = (text: string, isWell: boolean, coloured: boolean): string =>
  coloured ? `\u001B[${isWell ? 32 : 31}m${text}\u001B[39m` : text;

/** Apple tells whole seconds, and an answer takes a while: what is less may be nothing. */
const agrees = (skewSeconds: number): boolean => Math.abs(skewSeconds) <= 2;

/** How this server's clock stands to Apple's, given by how much Apple's is ahead. */
export function clockText(skewSeconds: number | null): string {
  if (skewSeconds === null) return "its clock is not known";
  if (agrees(skewSeconds)) return "this server's clock agrees with Apple's";
  return `this server's clock is ${Math.abs(skewSeconds)} s ${skewSeconds < 0 ? "ahead of" : "behind"} Apple's`;
}

const number = (value: number): string => value.toLocaleString("en-US");
const count = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

function ageOf(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

/** Letters that take two columns: those of East Asia, and pictures. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uFF01-\uFF60]/u;
const columnsOf = (letter: string): number => (/\p{M}/u.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1);
const widthOf = (text: string): number => Array.from(text).reduce((width, letter) => width + columnsOf(letter), 0);

/** Printable text of so many columns at most. */
function cut(text: string, columns: number): string {
  const safe = printable(text);
  if (widthOf(safe) <= columns) return safe;
  let kept = "";
  for (const letter of safe) {
    if (widthOf(kept + letter) > columns - 1) break;
    kept += letter;
  }
  return `${kept}…`;
}

/** The same, filled up with spaces to exactly so many. */
function fit(text: string, columns: number): string {
  const kept = cut(text, columns);
  return kept + " ".repeat(columns - widthOf(kept));
}
