import { describe, expect, test } from "vitest";
import { choiceText, nobody, NotDeterministic } from "./choice.ts";
import { Odometer } from "./odometer.ts";
import { AnotherWay, RecordedChoice } from "./recorded-choice.ts";

function all(run: (odometer: Odometer) => string, fixed: readonly number[] = []): string[] {
  const odometer = new Odometer(fixed);
  const runs: string[] = [];
  do {
    odometer.begin();
    runs.push(run(odometer));
  } while (odometer.advance());
  return runs;
}

describe("The odometer", () => {
  test("runs every combination once, simplest first, the last question fastest", () => {
    expect(all((o) => `${o.choose(2, "a")}${o.choose(3, "b")}`)).toEqual([
      "00",
      "01",
      "02",
      "10",
      "11",
      "12",
    ]);
  });

  test("asks what depends on an answer only where it is asked", () => {
    expect(all((o) => (o.choose(2, "a") === 0 ? "0" : `1${o.choose(2, "b")}`))).toEqual(["0", "10", "11"]);
  });

  test("does not ask where there is nothing to choose", () => {
    expect(all((o) => `${o.choose(1, "a")}${o.choose(2, "b")}`)).toEqual(["00", "01"]);
  });

  test("keeps a fixed prefix", () => {
    expect(all((o) => `${o.choose(2, "a")}${o.choose(2, "b")}`, [1])).toEqual(["10", "11"]);
    expect(() => all((o) => String(o.choose(2, "a")), [2])).toThrow(RangeError);
  });

  test("knows where a run leaves what was run before", () => {
    const fresh: boolean[][] = [];
    all((o) => {
      const seen = [o.fresh];
      o.choose(2, "a");
      seen.push(o.fresh);
      o.choose(2, "b");
      seen.push(o.fresh);
      fresh.push(seen);
      return "";
    });
    expect(fresh).toEqual([
      [true, true, true],
      [false, false, true],
      [false, true, true],
      [false, false, true],
    ]);
  });

  test("notices a run that is not deterministic", () => {
    let n = 2;
    expect(() => all((o) => String(o.choose(n++, "a")))).toThrow(NotDeterministic);
    let runs = 0;
    expect(() =>
      all((o) => {
        runs += 1;
        o.choose(2, "a");
        return runs === 1 ? String(o.choose(2, "b")) : "";
      }),
    ).toThrow(NotDeterministic);
  });
});

describe("A recorded list", () => {
  test("answers what was recorded, then with the simplest", () => {
    const choice = new RecordedChoice([{ what: "a", chosen: 2, of: 3 }]);
    expect([choice.choose(3, "a"), choice.choose(5, "b")]).toEqual([2, 0]);
  });

  test("says where a run parts from it, and answers nothing from then on", () => {
    const choice = new RecordedChoice([
      { what: "a", chosen: 2, of: 3 },
      { what: "alone", chosen: 0, of: 1 },
      { what: "b", chosen: 2, of: 3 },
    ]);
    choice.choose(3, "a");
    expect(choice.parted).toBeUndefined();
    expect(() => choice.choose(4, "b")).toThrow(AnotherWay);
    expect(choice.parted).toMatchObject({ choice: 2 });
    expect(() => choice.choose(3, "b")).toThrow(AnotherWay);
  });

  test("says where a run ended before it", () => {
    const choice = new RecordedChoice([
      { what: "a", chosen: 2, of: 3 },
      { what: "b", chosen: 1, of: 3 },
    ]);
    choice.choose(3, "a");
    expect(choice.unasked).toMatchObject({ choice: 2 });
    choice.choose(3, "b");
    expect(choice.unasked).toBeUndefined();
  });

  test("is shown with the words of its labels", () => {
    expect(choiceText({ what: "sector 1: survived, lost", chosen: 1, of: 2 })).toBe("sector 1: lost");
    expect(choiceText({ what: "crash after change number", chosen: 7, of: 9 })).toBe(
      "crash after change number: 7",
    );
  });
});

test("A kept state is never asked", () => {
  expect(() => nobody.choose(2, "a")).toThrow(NotDeterministic);
});
