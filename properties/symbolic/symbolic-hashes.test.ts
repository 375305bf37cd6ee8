import { describe, expect, test } from "vitest";
import { type Bounds, profileOf } from "../bounds.ts";
import { Odometer } from "../../explore/odometer.ts";
import { searchPart } from "../part.ts";
import { addCounts, emptyCounts, Violation } from "../tally.ts";
import { headOf, logsEndingIn, showLog, type SymbolicLog } from "./preimages.ts";
import { KINDS, NESTED, nestedHmac, OPAQUE, type Scheme } from "./schemes.ts";
import { checkAlone, chooseLog, SYMBOLIC_HASHES } from "./symbolic-hashes.ts";
import { type Atom, Terms, textOf } from "./terms.ts";

const SMALL: Bounds = { ...profileOf("quick"), symbolicRecords: 2, symbolicBlocks: 2 };

const joined = (before: Atom | undefined, payload: readonly Atom[]): readonly Atom[] =>
  before === undefined ? payload : [before, ...payload];

/** Searches with a scheme; the first two logs of one length that it cannot tell apart, if there are any. */
function collision(scheme: Scheme, bounds: Bounds = SMALL): string | undefined {
  const odometer = new Odometer();
  do {
    odometer.begin();
    const terms = new Terms();
    const log = chooseLog(scheme, terms, bounds, odometer);
    try {
      checkAlone(scheme, terms, log, bounds.symbolicRecords, emptyCounts());
    } catch (error) {
      if (error instanceof Violation) return error.seen;
      throw error;
    }
  } while (odometer.advance());
  return undefined;
}

test("H5: over symbolic hashes, two logs with equal count and head are equal", async () => {
  const counts = emptyCounts();
  for (const unit of await SYMBOLIC_HASHES.units(SMALL)) {
    const result = await searchPart(SYMBOLIC_HASHES.runner(), SMALL, unit);
    expect(result.counterexample).toBeUndefined();
    addCounts(counts, result.counts);
  }
  expect(counts.cases["symbolic-hashes"]).toBe(1034);
  expect(counts.met["equal-heads"]).toBeGreaterThan(0);
});

describe("The head alone does not fix a log", () => {
  const terms = new Terms();
  const [q, p] = [terms.named("q"), terms.named("p")];
  const found = (log: SymbolicLog): string[] => {
    const head = headOf(NESTED, terms, log);
    return head === undefined ? [] : logsEndingIn(NESTED, terms, head, 3).map(showLog).sort();
  };

  test("[q, p] and one record hash(q) || p have the same", () => {
    expect(
      found([
        { kind: "data", payload: [q] },
        { kind: "data", payload: [p] },
      ]),
    ).toEqual(['["H(q) p"]', '["q", "p"]']);
  });

  test("a checkpoint can be imitated by a first record, and by no other", () => {
    expect(
      found([
        { kind: "data", payload: [q] },
        { kind: "checkpoint", payload: [p] },
      ]),
    ).toEqual(['["opad:checkpoint H(ipad:checkpoint H(q) p)"]', '["q", checkpoint "p"]']);
  });
});

describe("Chains that do not hold are caught", () => {
  test("one in which the kind is not hashed", () => {
    const scheme: Scheme = {
      ...OPAQUE,
      hash: (terms, _, before, payload) => terms.hash(joined(before, payload)),
    };
    expect(collision(scheme)).toBe('["", ""] and ["", checkpoint ""] and ["", tombstone ""]');
  });

  test("one in which a tag in front of the payload says the kind, and data has none", () => {
    const scheme: Scheme = {
      ...OPAQUE,
      blocks: ["tag:checkpoint"],
      hash: (terms, kind, before, payload) =>
        terms.hash(joined(before, kind === "data" ? payload : [terms.named(`tag:${kind}`), ...payload])),
    };
    expect(collision(scheme)).toBe('["", "tag:checkpoint"] and ["", checkpoint ""]');
  });

  test("one in which a tag behind the payload says the kind, and data has none", () => {
    const scheme: Scheme = {
      ...OPAQUE,
      blocks: ["tag:checkpoint"],
      hash: (terms, kind, before, payload) =>
        terms.hash(joined(before, kind === "data" ? payload : [...payload, terms.named(`tag:${kind}`)])),
    };
    expect(collision(scheme)).toBe('["", "tag:checkpoint"] and ["", checkpoint ""]');
  });

  test("one in which a log may begin with a checkpoint", () => {
    const seen = collision({ ...NESTED, first: KINDS });
    expect(seen).toBe('["opad:checkpoint H(ipad:checkpoint)"] and [checkpoint ""]');
  });

  test("one in which a key is put in front instead of an HMAC, and a log may begin with a checkpoint", () => {
    const scheme: Scheme = {
      ...OPAQUE,
      first: KINDS,
      hash: (terms, kind, before, payload) => {
        const text = joined(before, payload);
        return terms.hash(kind === "data" ? text : [terms.named(`key:${kind}`), ...text]);
      },
    };
    expect(collision(scheme)).toBe('["key:checkpoint"] and [checkpoint ""]');
  });

  test("one in which records are not linked", () => {
    const scheme: Scheme = { ...OPAQUE, hash: (terms, kind, _, payload) => terms.hash(payload, kind) };
    expect(collision(scheme)).toBe("not even itself");
  });

  test("one in which one key serves two kinds", () => {
    const scheme: Scheme = {
      ...NESTED,
      hash: (terms, kind, before, payload) =>
        kind === "data"
          ? terms.hash(joined(before, payload))
          : nestedHmac(terms, "key", joined(before, payload)),
    };
    expect(collision(scheme)).toBe('["", checkpoint "H() #1"] and ["", tombstone "H() #1"]');
  });
});

describe("What is found backwards is what a map of all logs finds", () => {
  const untagged: Scheme = {
    ...OPAQUE,
    hash: (terms, _, before, payload) => terms.hash(joined(before, payload)),
  };

  /** All logs, by their head and, perhaps, their length. */
  function mapOf(scheme: Scheme, byLength: boolean): Map<string, Set<string>> {
    const logs = new Map<string, Set<string>>();
    const odometer = new Odometer();
    do {
      odometer.begin();
      const terms = new Terms();
      const log = chooseLog(scheme, terms, SMALL, odometer);
      const head = headOf(scheme, terms, log);
      const key = `${byLength ? log.length : "any"} ${textOf(head === undefined ? [] : [head])}`;
      logs.set(key, (logs.get(key) ?? new Set()).add(showLog(log)));
    } while (odometer.advance());
    return logs;
  }

  const shared = (logs: Map<string, Set<string>>): Set<string>[] =>
    [...logs.values()].filter(({ size }) => size > 1);

  test.each([OPAQUE, NESTED])(
    "HMAC is $name: no two with equal count and head, some with equal heads",
    (scheme) => {
      expect(shared(mapOf(scheme, true))).toEqual([]);
      expect(shared(mapOf(scheme, false)).length).toBeGreaterThan(0);
    },
  );

  test.each([
    ["the format's", NESTED],
    ["one in which the kind is not hashed", untagged],
  ])("%s: every log of the map that shares a head is found from each of them", (_, scheme) => {
    const groups = mapOf(scheme, false);
    const odometer = new Odometer();
    let compared = 0;
    do {
      odometer.begin();
      const terms = new Terms();
      const log = chooseLog(scheme, terms, SMALL, odometer);
      const head = headOf(scheme, terms, log);
      if (head === undefined) continue;
      const expected = [...(groups.get(`any ${textOf([head])}`) ?? [])];
      const found = new Set(logsEndingIn(scheme, terms, head, SMALL.symbolicRecords).map(showLog));
      expect(expected.filter((other) => !found.has(other))).toEqual([]);
      compared += expected.length;
    } while (odometer.advance());
    expect(compared).toBeGreaterThan(500);
  });
});
