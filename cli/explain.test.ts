import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Ended, kmb } from "../e2e/kmb.ts";
import { INVARIANTS, WITNESSES } from "../properties/invariants/catalogue.ts";
import { PLACES } from "../properties/invariants/places.ts";

const explained = (id: string): Ended => kmb("check", "--explain", id);

describe("kmb check --explain", () => {
  test("says of D1 what it is, why, where its predicate stands, in which parts, and its witnesses", () => {
    const { status, out } = explained("D1");
    expect(status).toBe(0);
    expect(out).toMatch(/^D1 {2}A record acknowledged with sync survives every crash/);
    expect(out).toContain("That is what fsync is called for.");
    expect(out).toMatch(/^ {2}parts +crashes, kimberlite$/m);
    expect(out).toContain("unsynced-record-lost");
    const [, file = "", line] = /(properties\/invariants\/\S+):(\d+)/.exec(out) ?? [];
    const source = readFileSync(new URL(`../${file}`, import.meta.url), "utf8").split("\n");
    expect(source[Number(line) - 1]).toContain("shown.length >= promised");
  });

  test("says of C2 first what decides it, in columns as wide as its longest name", () => {
    const lines = explained("C2").out.split("\n");
    const [first] = lines.filter((line) => /^ {2}\w+ +Every record below the watermark/.test(line));
    const names = lines.flatMap((line) => /^ {2}(\w+) {2,}\S/.exec(line)?.[1] ?? []);
    expect(names.slice(0, 4)).toEqual(["why", "checked", "parts", "proven"]);
    expect(names).toContain("reportedAgain");
    const columns = lines.slice(2).flatMap((line) => /^ {2}\w.*? {2,}(?=\S)/.exec(line)?.[0].length ?? []);
    expect(new Set(columns).size).toBe(1);
    expect(first?.indexOf("Every")).toBe(columns[0]);
  });

  test("leads from H3 to the files that state what is revealed", () => {
    const { out } = explained("H3");
    const stated = /stated in +(.+)/.exec(out)?.[1]?.split(", ") ?? [];
    expect(stated).toContain("properties/tampering/rules.ts");
    expect(stated.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url)))).toEqual([]);
  });

  test("refuses an id that is none, and names those that are", () => {
    const { status, out, err } = explained("X1");
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toMatch(/^error: there is no invariant "X1"; there are F1, .*S3\n$/);
  });
});

test("every check has a place of its own or of a predicate that invariants share", () => {
  const checks = INVARIANTS.flatMap(({ id, checks }) => checks.map(({ name }) => `${id}.${name}`));
  expect(Object.keys(PLACES).sort()).toEqual(checks.sort());
  const own = Object.values(PLACES).filter((place) => !/agreement|damage|decoding/.test(place));
  // One that two of H3 and H4 share is made in the file where they stand.
  expect(own.length - new Set(own).size).toBe(1);
});

test("every witness belongs to invariants that there are", () => {
  const ids: readonly string[] = INVARIANTS.map(({ id }) => id);
  expect(WITNESSES.flatMap(({ of }) => of).filter((id) => !ids.includes(id))).toEqual([]);
  expect(WITNESSES.filter(({ of }) => of.length === 0)).toEqual([]);
});
