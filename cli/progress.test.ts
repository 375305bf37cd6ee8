import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { phase, type Progress, progress } from "./progress.ts";

describe("Progress where there is no terminal", () => {
  const said: string[] = [];
  const terminal = process.stderr.isTTY;
  let shown: Progress | undefined;
  beforeEach(() => {
    vi.useFakeTimers();
    process.stderr.isTTY = false;
    said.length = 0;
    vi.spyOn(console, "error").mockImplementation((line: string) => said.push(line));
  });
  afterEach(() => {
    shown?.stop();
    process.stderr.isTTY = terminal;
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test("is a line every 30 seconds, with what is done, the share of the whole, and what is running", () => {
    shown = phase("units", 4000, "crashes");
    expect(said).toEqual(["  units          4,000 to do"]);
    for (let done = 1; done <= 1234; done += 1) shown.at(done);
    vi.advanceTimersByTime(29_999);
    expect(said).toHaveLength(1);
    vi.advanceTimersByTime(1);
    shown.at(3999, "format");
    vi.advanceTimersByTime(60_000);
    expect(said.slice(1)).toEqual([
      "  units          1,234 of 4,000   30 %   crashes",
      "  units          3,999 of 4,000   99 %   format",
      "  units          3,999 of 4,000   99 %   format",
    ]);
  });

  test("ends with what is shown, and says nothing of a short run", () => {
    shown = progress("bytes", 10);
    shown.at(7);
    shown.stop();
    vi.advanceTimersByTime(90_000);
    expect(said).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of nothing is complete", () => {
    shown = progress("bytes", 0);
    vi.advanceTimersByTime(30_000);
    expect(said).toEqual(["  bytes          0 of 0   100 %"]);
  });
});
