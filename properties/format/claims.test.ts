import { resourceUsage } from "node:process";
import { expect, test } from "vitest";
import { PROFILES } from "../bounds.ts";
import { Odometer } from "../choices.ts";
import { emptyCounts } from "../tally.ts";
import { lz4Claims, zstdClaims, zstdWindows } from "./claims.ts";

const MIB = 1024; // resourceUsage counts in KiB

test.each([lz4Claims, zstdClaims, zstdWindows])(
  "Z2 refusing payloads that claim or expand to more than the limit takes no memory worth speaking of ($name)",
  async (section) => {
    const bounds = PROFILES.quick;
    const counts = emptyCounts();
    const odometer = new Odometer();
    const before = resourceUsage().maxRSS;
    do {
      odometer.begin();
      const { what, of } = section.first(bounds);
      await section.run(bounds, odometer.choose(of, what), odometer, counts);
    } while (odometer.advance());
    expect(counts.checks.Z2).toBeGreaterThan(0);
    // The smallest of those that are refused would take 256 MiB.
    expect(resourceUsage().maxRSS - before).toBeLessThan(128 * MIB);
  },
);
