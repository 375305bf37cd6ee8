import { resourceUsage } from "node:process";
import { expect, test } from "vitest";
import { profileOf } from "../bounds.ts";
import { Odometer } from "../../explore/odometer.ts";
import { emptyCounts } from "../tally.ts";
import { lz4Claims } from "./claimed-sizes.ts";
import { zstdClaims, zstdUndeclared, zstdWindows } from "./zstd-claimed-sizes.ts";

const MIB = 1024; // resourceUsage counts in KiB

test.each([
  ...[lz4Claims, zstdClaims, zstdWindows].flatMap((section) =>
    (["plain", "sentinel"] as const).map((format) => ({ format, section })),
  ),
  { format: "sentinel", section: zstdUndeclared } as const,
])(
  "Z2 refusing payloads that claim or expand to more than the limit takes no memory worth speaking of ($section.name, $format)",
  async ({ format, section }) => {
    const bounds = profileOf("quick", format);
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
