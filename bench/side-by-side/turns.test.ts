import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import type { About } from "../../properties/documents/performance.ts";
import { casesOf, QUICK } from "./plan.ts";
import { type Participant, takeTurns } from "./turns.ts";

/**
 * Contestants that measure nothing and write down whose turn it was; each piece takes a millisecond longer.
 */
function participants(names: readonly string[]): { contestants: Participant[]; turns: string[] } {
  const turns: string[] = [];
  const contestants = names.map((name): Participant => {
    let pieces = 0;
    return {
      about: { name } as About,
      fill: () => Promise.resolve(),
      measure: () => {
        turns.push(name);
        pieces += 1;
        return Promise.resolve({ count: 1000, wallMs: pieces, cpuMs: 2 * pieces });
      },
    };
  });
  return { contestants, turns };
}

const [append] = casesOf("append", QUICK);
if (append === undefined) throw new Error("Nothing is appended.");
const EXTENT = { ...QUICK, repetitions: 2 };
const noLog = (): Promise<string> => Promise.reject(new Error("There is no log to read."));

describe("Contestants take turns", () => {
  test("in each repetition each has one turn, and another one begins", async () => {
    const { contestants, turns } = participants(["a", "b", "c"]);
    await takeTurns(append, contestants, EXTENT, 1, tmpdir(), noLog, () => false);
    expect(turns.join("")).toBe("abc" + "bca" + "cab");
  });

  test("the first repetition is not counted; the others are nanoseconds for one record", async () => {
    const { contestants } = participants(["a", "b"]);
    const measured = await takeTurns(append, contestants, EXTENT, 1, tmpdir(), noLog, () => false);
    expect(measured).toEqual(
      ["a", "b"].map((contestant) => ({
        question: "append",
        variant: "batches of 1",
        payloadBytes: 64,
        contestant,
        wallNs: [2000, 3000],
        cpuNs: [4000, 6000],
      })),
    );
  });

  test("who is stopped has measured nothing", async () => {
    const { contestants, turns } = participants(["a", "b"]);
    expect(
      await takeTurns(append, contestants, EXTENT, 1, tmpdir(), noLog, () => turns.length === 3),
    ).toEqual([]);
    expect(turns).toHaveLength(3);
  });
});
