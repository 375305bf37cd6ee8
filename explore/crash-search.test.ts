/** The crash search on a program that is no engine: a counter in two cells, each written by itself. */
import { describe, expect, test } from "vitest";
import type { Choice } from "./choice.ts";
import {
  type CrashedProgram,
  CrashSearch,
  nothingSearched,
  type Recovered,
  type Searched,
  walkCrashes,
} from "./crash-search.ts";
import { exhaust } from "./exhaust.ts";
import type { Extreme } from "./extreme.ts";
import { Failure } from "./failure.ts";

/** What is on the medium, what may be, and what was promised. */
interface Cells {
  readonly durable: readonly [number, number];
  readonly written: readonly [number, number];
  readonly promised: number;
}

interface Read extends Recovered<Cells> {
  readonly shown: number;
}

/**
 * Writes the count to both cells, one after the other; after a crash the larger, or the first, is shown and
 * written to both.
 */
class Counter implements CrashedProgram<Cells, Read> {
  readonly questions = { view: "view", moment: "moment in recovery", extreme: "extreme" } as const;
  readonly log: string[] = [];
  readonly #show: (a: number, b: number) => number;

  constructor(show: (a: number, b: number) => number = Math.max) {
    this.#show = show;
  }

  views(): number {
    return 1;
  }

  view: (point: Cells, place: number) => Cells = (point) => point;

  key(point: Cells): string {
    return JSON.stringify(point);
  }

  recoveryKey({ shown }: Read): string {
    return String(shown);
  }

  recover({ durable, written, promised }: Cells, choice: Choice, isNew: () => boolean): Promise<Read> {
    const survives = ([was, is]: readonly [number, number], name: string): number =>
      was === is || choice.choose(2, name) === 1 ? was : is;
    const [a, b] = [survives([durable[0], written[0]], "a"), survives([durable[1], written[1]], "b")];
    const open = [0, 1].filter((i) => durable[i] !== written[i]).length;
    const shown = this.#show(a, b);
    this.log.push(`${a}${b}`);
    if (shown < promised) return Promise.reject(new Error(`${promised} was promised, ${shown} is shown`));
    // Recovery writes the first cell, then the second: it may be crashed in between.
    const between: Cells = { durable: [a, b], written: [shown, b], promised: shown };
    const moments = { count: 1, kept: isNew() ? [between] : [] };
    return Promise.resolve({ shown, states: 2n ** BigInt(open), covers: 1n, moments });
  }

  goOn({ shown }: Read, { losesNothing }: Extreme): Promise<void> {
    this.log.push(`${shown} ${losesNothing ? "all" : "nothing"}`);
    return Promise.resolve();
  }

  crashedAgain(): void {
    this.log.push("again");
  }

  momentChoice(count: number, point: Cells | undefined): { what: string; chosen: number; of: number } {
    return { what: this.questions.moment, chosen: point === undefined ? 0 : 1, of: count + 1 };
  }
}

const CRASHED: Cells = { durable: [4, 4], written: [5, 5], promised: 4 };

async function search(program: Counter, depth: number, limit = Infinity): Promise<Searched> {
  const searched = nothingSearched();
  await new CrashSearch(program, searched, limit).explore(CRASHED, depth, () => []);
  return searched;
}

describe("The crash search", () => {
  test("recovers from every state, and goes on from each recovered state once, to both extremes", async () => {
    const program = new Counter();
    expect(await search(program, 0)).toEqual({ points: 1, recoveries: 4, states: 4n, left: 0n });
    expect(program.log).toEqual(["55", "5 all", "5 nothing", "54", "45", "44", "4 all", "4 nothing"]);
  });

  test("crashes recovery in turn, as deep as it is told", async () => {
    const program = new Counter();
    const once = await search(program, 1);
    expect(program.log.filter((line) => line === "again")).toHaveLength(4);
    // Four recoveries, and those from what is left between the two writes of each: the second cell is
    // undecided only where it differs.
    expect(once).toEqual({ points: 5, recoveries: 9, states: 9n, left: 0n });
    expect((await search(new Counter(), 2)).points).toBeGreaterThan(once.points);
  });

  test("counts the states that a limit keeps it from as left", async () => {
    expect(await search(new Counter(), 0, 3)).toEqual({ points: 1, recoveries: 3, states: 3n, left: 1n });
  });

  test("says by which choices it came to what is wrong", async () => {
    const forgetful = new Counter((a, b) => (a === 4 && b === 5 ? 0 : Math.max(a, b)));
    const error: unknown = await search(forgetful, 1).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({
      message: "4 was promised, 0 is shown",
      choices: [
        { what: "a", chosen: 1, of: 2 },
        { what: "b", chosen: 0, of: 2 },
      ],
    });
  });

  test("refuses to miss a state without saying so", async () => {
    const program = new Counter();
    program.recover = (_, choice) => {
      choice.choose(2, "a");
      return Promise.resolve({ shown: 4, states: 3n, covers: 1n, moments: { count: 0, kept: [] } });
    };
    await expect(search(program, 0)).rejects.toThrow("all states of a crash but 1");
  });
});

test("Every walk together comes to every recovery of the search", async () => {
  const walked = new Set<string>();
  await exhaust(async (choice) => {
    const program = new Counter();
    await walkCrashes(program, nothingSearched(), choice, CRASHED, 1);
    for (const line of program.log) walked.add(line);
  });
  const program = new Counter();
  await search(program, 1);
  const found = new Set(program.log);
  found.delete("again");
  expect(walked).toEqual(found);
});

test("A walk without a crash ends at once", async () => {
  const searched = nothingSearched();
  const asked: Choice = {
    choose(): number {
      throw new Error("There is nothing to choose.");
    },
  };
  await walkCrashes(new Counter(), searched, asked, undefined, 1);
  expect(searched.points).toBe(0);
});

test("A walk that crashes recovery recovers from that, too", async () => {
  const recoveries: number[] = [];
  await exhaust(async (choice) => {
    const searched = nothingSearched();
    await walkCrashes(new Counter(), searched, choice, CRASHED, 1);
    recoveries.push(searched.recoveries);
  });
  expect([...new Set(recoveries)].sort()).toEqual([1, 2]);
});

test("What was searched without a crash of recovery is searched again with one", async () => {
  const searched = nothingSearched();
  const crashes = new CrashSearch(new Counter(), searched, Infinity);
  await crashes.explore(CRASHED, 0, () => []);
  await crashes.explore(CRASHED, 0, () => []);
  expect(searched.recoveries).toBe(4);
  await crashes.explore(CRASHED, 1, () => []);
  expect(searched.recoveries).toBe(4 + 9);
});

test("Each view of a point is searched, and a failure names the one that it is in", async () => {
  const program = new Counter((a, b) => (a === 4 && b === 4 ? 0 : Math.max(a, b)));
  program.views = () => 2;
  program.view = (point, place) =>
    place === 0 ? { ...point, written: [5, 4] as const, promised: 0 } : point;
  const error: unknown = await search(program, 0).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    choices: [
      { what: "view", chosen: 1, of: 2 },
      { what: "a", chosen: 1, of: 2 },
      { what: "b", chosen: 1, of: 2 },
    ],
  });
});

test("A moment of recovery that comes before its choices is kept once", async () => {
  const program = new Counter();
  let kept = 0;
  program.recover = (point, choice, isNew) => {
    const again = isNew() ? [{ ...point, written: point.durable }] : [];
    kept += again.length;
    const states = point.durable === point.written ? 1n : 2n;
    if (states > 1n) choice.choose(2, "a");
    return Promise.resolve({ shown: 4, states, covers: 1n, moments: { count: 1, kept: again } });
  };
  await search(program, 1);
  expect(kept).toBe(1);
});

test("Running everything ends with the choices of the first run that throws", async () => {
  const running = exhaust((choice) => {
    if (choice.choose(2, "a") + choice.choose(3, "b") === 2) throw new RangeError("two");
  });
  await expect(running).rejects.toMatchObject({
    name: "Failure",
    cause: expect.any(RangeError) as RangeError,
    choices: [
      { what: "a", chosen: 0, of: 2 },
      { what: "b", chosen: 2, of: 3 },
    ],
  });
});
