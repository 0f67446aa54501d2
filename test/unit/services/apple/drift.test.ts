import { describe, expect, test } from "@jest/globals";
import { driftOfCertificates, driftOfDevices, driftOfProfiles } from "../../../../src/services/apple/drift.js";

const AT = new Date("2026-01-02T12:00:00Z");
const SINCE = new Date("2026-01-02T11:00:00Z");
const later = new Date("2026-06-01T00:00:00Z");
const before = (ms: number): Date => new Date(AT.getTime() - ms);

describe("what changed among certificates", () => {
  const certificate = (appleId: string, expiresAt: Date | null = later) => ({
    appleId,
    name: `Name of ${appleId}`,
    expiresAt,
  });
  const [one, two] = [certificate("1"), certificate("2")];

  test("is nothing where they are the same, in whatever order", () => {
    expect(driftOfCertificates([one, two], [two, one], AT)).toEqual([]);
    expect(driftOfCertificates([], [], AT)).toEqual([]);
  });

  test("is one that was added, and one that is gone, by the name that it has or had", () => {
    expect(driftOfCertificates([one], [two], AT)).toEqual([
      { kind: "CERTIFICATE_ADDED", appleId: "2", label: "Name of 2", bundleIdentifier: null },
      { kind: "CERTIFICATE_GONE", appleId: "1", label: "Name of 1", bundleIdentifier: null },
    ]);
  });

  test.each<[string, Date | null, string[]]>([
    ["in time", new Date(AT.getTime() + 1), ["CERTIFICATE_GONE"]],
    ["without an end that Apple told", null, ["CERTIFICATE_GONE"]],
    ["at this moment over", AT, []],
    ["long over", before(86_400_000), []],
  ])("that are gone is told of one that was %s", (_, expiresAt, kinds) => {
    expect(driftOfCertificates([certificate("1", expiresAt)], [], AT).map(({ kind }) => kind)).toEqual(kinds);
  });

  test("is told of one that was added though its time is over", () => {
    expect(driftOfCertificates([], [certificate("1", before(1))], AT)).toMatchObject([{ kind: "CERTIFICATE_ADDED" }]);
  });

  test("is not that one has another name or another end", () => {
    expect(driftOfCertificates([one], [{ ...one, name: "Renamed", expiresAt: null }], AT)).toEqual([]);
  });
});

describe("what changed among profiles", () => {
  const profile = (appleState: string, expiresAt: Date | null = later) => ({
    ...{ appleId: "P1", name: "Shop", appleState, expiresAt },
    bundleIdentifier: "com.acme.shop",
  });
  const kindsOf = (was: string | null, is: ReturnType<typeof profile> | null): string[] =>
    driftOfProfiles(was === null ? [] : [{ appleId: "P1", appleState: was }], is === null ? [] : [is], SINCE, AT).map(
      ({ kind }) => kind,
    );

  test("is one that has become invalid, with its name and the bundle identifier that it is for", () => {
    expect(driftOfProfiles([{ appleId: "P1", appleState: "ACTIVE" }], [profile("INVALID")], SINCE, AT)).toEqual([
      { kind: "PROFILE_INVALID", appleId: "P1", label: "Shop", bundleIdentifier: "com.acme.shop" },
    ]);
  });

  test.each<[string | null, string, string[]]>([
    ["ACTIVE", "INVALID", ["PROFILE_INVALID"]],
    ["EXPIRED", "INVALID", ["PROFILE_INVALID"]],
    ["INVALID", "INVALID", []],
    ["INVALID", "ACTIVE", []],
    ["ACTIVE", "ACTIVE", []],
    ["ACTIVE", "SOMETHING_NEW", []],
    [null, "INVALID", []],
    [null, "ACTIVE", []],
  ])("from %s to %s is told as %j", (was, is, kinds) => {
    expect(kindsOf(was, profile(is))).toEqual(kinds);
  });

  test("is nothing where one is gone: it was replaced, or deleted", () => {
    expect(kindsOf("ACTIVE", null)).toEqual([]);
  });

  test.each<[string, Date | null, string[]]>([
    ["before Apple was last asked", new Date(SINCE.getTime() - 1), []],
    ["when Apple was last asked", SINCE, []],
    ["since Apple was last asked", new Date(SINCE.getTime() + 1), ["PROFILE_EXPIRED"]],
    ["at this moment", AT, ["PROFILE_EXPIRED"]],
    ["in a moment", new Date(AT.getTime() + 1), []],
    ["at no time that Apple told", null, []],
  ])("is once that the time of one is over, %s", (_, expiresAt, kinds) => {
    expect(kindsOf("ACTIVE", profile("ACTIVE", expiresAt))).toEqual(kinds);
  });

  test("is that the time of a new one is over too, and not of one that is invalid as well", () => {
    expect(kindsOf(null, profile("ACTIVE", AT))).toEqual(["PROFILE_EXPIRED"]);
    expect(kindsOf("INVALID", profile("INVALID", AT))).toEqual([]);
    expect(kindsOf("ACTIVE", profile("INVALID", AT))).toEqual(["PROFILE_INVALID"]);
  });
});

describe("what changed among devices", () => {
  const device = (appleId: string, listedStatus = "ENABLED") => ({ appleId, name: `Name of ${appleId}`, listedStatus });

  test("is one that was added, whatever its status", () => {
    expect(driftOfDevices([device("1")], [device("1"), device("2"), device("3", "DISABLED")])).toEqual([
      { kind: "DEVICE_ADDED", appleId: "2", label: "Name of 2", bundleIdentifier: null },
      { kind: "DEVICE_ADDED", appleId: "3", label: "Name of 3", bundleIdentifier: null },
    ]);
  });

  test.each([
    ["ENABLED", "DISABLED", ["DEVICE_DISABLED"]],
    ["PROCESSING", "DISABLED", ["DEVICE_DISABLED"]],
    ["OTHER", "DISABLED", ["DEVICE_DISABLED"]],
    ["DISABLED", "DISABLED", []],
    ["DISABLED", "ENABLED", []],
    ["PROCESSING", "ENABLED", []],
    ["ENABLED", "OTHER", []],
  ])("from %s to %s is told as %j", (was, is, kinds) => {
    expect(driftOfDevices([device("1", was)], [device("1", is)]).map(({ kind }) => kind)).toEqual(kinds);
  });

  test("is nothing where one is gone: Apple deletes none", () => {
    expect(driftOfDevices([device("1")], [])).toEqual([]);
  });

  test("is nothing where one has another name", () => {
    expect(driftOfDevices([device("1")], [{ ...device("1"), name: "Renamed" }])).toEqual([]);
  });
});
