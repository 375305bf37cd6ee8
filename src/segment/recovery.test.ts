import { describe, expect, test } from "vitest";
import { decide, IMPOSSIBLE, matches, RECOVERY_CASES, type RecoveryFacts } from "./recovery.ts";

const NAMES = ["intact", "sealed", "watermarkKnown", "belowWatermark", "intactBehind", "unreadable"] as const;

const combinations: RecoveryFacts[] = Array.from({ length: 2 ** NAMES.length }, (_, bits) => ({
  intact: (bits & 1) !== 0,
  sealed: (bits & 2) !== 0,
  watermarkKnown: (bits & 4) !== 0,
  belowWatermark: (bits & 8) !== 0,
  intactBehind: (bits & 16) !== 0,
  unreadable: (bits & 32) !== 0,
}));

describe("The recovery table", () => {
  test.each(combinations)("matches exactly one case, or is impossible: %o", (facts) => {
    const cases = RECOVERY_CASES.filter((row) => matches(row.facts, facts));
    const impossible = IMPOSSIBLE.filter((row) => matches(row.facts, facts));
    if (impossible.length > 0) {
      expect(() => decide(facts)).toThrow("cannot be");
    } else {
      expect(cases.map((row) => row.letter)).toHaveLength(1);
      expect(decide(facts)).toBe(cases[0]);
    }
  });

  test("has no case that nothing reaches, and letters without gaps", () => {
    const reached = new Set(
      combinations
        .filter((facts) => !IMPOSSIBLE.some((row) => matches(row.facts, facts)))
        .map((facts) => decide(facts).letter),
    );
    expect([...reached].sort().join("")).toBe("ABCDEFGH");
    expect(RECOVERY_CASES.map((row) => row.letter).join("")).toBe("ABCDEFGH");
  });

  test("never cuts below the watermark, nor in a sealed segment", () => {
    for (const facts of combinations) {
      if (IMPOSSIBLE.some((row) => matches(row.facts, facts))) continue;
      if (facts.belowWatermark || facts.sealed) expect(decide(facts).action).not.toBe("cut");
    }
  });
});
