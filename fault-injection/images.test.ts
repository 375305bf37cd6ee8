/**
 * The eager enumerator against images and counts worked out by hand, so that it and the lazy disk cannot be
 * wrong together.
 */
import { describe, expect, it } from "vitest";
import { enumerateImages } from "./images.ts";
import type { IssuedOperation, PendingState } from "./inspection.ts";
import { PERSISTENCE, type PersistenceName } from "./persistence.ts";

const A = 65;
const OLD = [A, A + 1, A + 2, A + 3];

/** A file "f" of four synced bytes, "ABCD", in sectors of two, and what was issued since. */
function state(
  persistence: PersistenceName,
  tornSectors: boolean,
  ...issued: IssuedOperation[]
): PendingState {
  return {
    rules: { persistence: PERSISTENCE[persistence], sectorBytes: 2, tornSectors },
    durable: [new Map([["f", 1]]), Uint8Array.from(OLD), new Uint8Array(0)],
    issued,
  };
}

/**
 * Every image as text, the files as `name=contents` with "." for a zero byte; and how many combinations there
 * were.
 */
function seen(given: PendingState): { images: string[]; combinations: number } {
  const { images, combinations, exhausted } = enumerateImages(given, 1000);
  expect(exhausted).toBe(true);
  const texts = [...images.values()].map(({ files, directories }) =>
    [...files]
      .map(([path, bytes]) => `${path}=${Buffer.from(bytes).toString("latin1").replaceAll("\0", ".")}`)
      .concat(directories.map((path) => `${path}/`))
      .sort()
      .join(" "),
  );
  return { images: texts.sort(), combinations };
}

const write = (position: number, text: string): IssuedOperation => ({
  kind: "write",
  on: 1,
  position,
  bytes: Buffer.from(text),
});
const truncate = (size: number): IssuedOperation => ({ kind: "truncate", on: 1, size });
const entry = (sets: string | undefined, inode: number, clears?: string): IssuedOperation => ({
  kind: "entry",
  on: 0,
  sets,
  inode,
  clears,
});

describe("one write over two sectors", () => {
  const over = write(1, "xyz");

  it.each(["posix", "ordered-metadata"] as const)("leaves each sector or not under %s", (persistence) => {
    expect(seen(state(persistence, false, over))).toEqual({
      images: ["/f=ABCD", "/f=AByz", "/f=AxCD", "/f=Axyz"],
      combinations: 4,
    });
  });

  it("leaves the first sector, both or none under prefix", () => {
    expect(seen(state("prefix", false, over))).toEqual({
      images: ["/f=ABCD", "/f=AxCD", "/f=Axyz"],
      combinations: 3,
    });
  });

  it("leaves any beginning of each sector where sectors tear", () => {
    expect(seen(state("posix", true, over))).toEqual({
      images: ["/f=ABCD", "/f=AByD", "/f=AByz", "/f=AxCD", "/f=AxyD", "/f=Axyz"],
      combinations: 6,
    });
    expect(seen(state("prefix", true, over))).toEqual({
      images: ["/f=ABCD", "/f=AxCD", "/f=AxyD", "/f=Axyz"],
      combinations: 4,
    });
  });
});

describe("one write that extends the file by a sector and a half", () => {
  const extend = write(4, "xyz");

  it("leaves any size up to it and zeros for what is missing under posix", () => {
    expect(seen(state("posix", false, extend))).toEqual({
      images: ["/f=ABCD", "/f=ABCD..", "/f=ABCD...", "/f=ABCD..z", "/f=ABCDxy", "/f=ABCDxy.", "/f=ABCDxyz"],
      combinations: 12,
    });
  });

  it("leaves the size that the surviving sectors give under ordered-metadata", () => {
    expect(seen(state("ordered-metadata", false, extend))).toEqual({
      images: ["/f=ABCD", "/f=ABCD..z", "/f=ABCDxy", "/f=ABCDxyz"],
      combinations: 4,
    });
  });

  it("leaves a beginning of it under prefix", () => {
    expect(seen(state("prefix", false, extend))).toEqual({
      images: ["/f=ABCD", "/f=ABCDxy", "/f=ABCDxyz"],
      combinations: 3,
    });
  });
});

describe("a truncation and a write after the cut", () => {
  const issued = [truncate(2), write(3, "z")];

  it("leaves old bytes, zeros or the new byte, and any of the sizes, under posix", () => {
    // Sizes 4, 2; the zeroing of [2..4) and the write of [3..4) survive or not.
    expect(seen(state("posix", false, ...issued))).toEqual({
      images: ["/f=AB", "/f=AB..", "/f=AB.z", "/f=ABCD", "/f=ABCz"],
      combinations: 8,
    });
  });

  it("is two operations under the other models", () => {
    expect(seen(state("ordered-metadata", false, ...issued))).toEqual({
      images: ["/f=AB", "/f=AB.z", "/f=ABCD", "/f=ABCz"],
      combinations: 4,
    });
    expect(seen(state("prefix", false, ...issued))).toEqual({
      images: ["/f=AB", "/f=AB.z", "/f=ABCD"],
      combinations: 3,
    });
  });
});

describe("a file created and renamed over another", () => {
  const issued = [entry("t", 2), entry("f", 2, "t")];

  it("leaves any subset of both operations under posix", () => {
    expect(seen(state("posix", false, ...issued))).toEqual({
      images: ["/f=", "/f=ABCD", "/f=ABCD /t="],
      combinations: 4,
    });
  });

  it.each(["ordered-metadata", "prefix"] as const)("leaves them in order under %s", (persistence) => {
    expect(seen(state(persistence, false, ...issued))).toEqual({
      images: ["/f=", "/f=ABCD", "/f=ABCD /t="],
      combinations: 3,
    });
  });
});

it("leaves data after a directory operation only under the models that do not order them", () => {
  const issued = [entry(undefined, -1, "f"), entry("g", 1), write(0, "xy")];
  const unordered = ["", "/f=ABCD", "/f=ABCD /g=ABCD", "/f=xyCD", "/f=xyCD /g=xyCD", "/g=ABCD", "/g=xyCD"];
  const ordered = unordered.filter((image) => !image.includes(" "));
  expect(seen(state("posix", false, ...issued))).toEqual({ images: unordered, combinations: 8 });
  expect(seen(state("ordered-metadata", false, ...issued))).toEqual({ images: ordered, combinations: 6 });
  expect(seen(state("prefix", false, ...issued))).toEqual({
    images: ["", "/f=ABCD", "/g=ABCD", "/g=xyCD"],
    combinations: 4,
  });
});

it("stops at its cap and says so", () => {
  const given = state("posix", false, write(0, "xy"), write(2, "z"));
  expect(enumerateImages(given, 4)).toMatchObject({ combinations: 4, exhausted: true });
  expect(enumerateImages(given, 3)).toMatchObject({ combinations: 3, exhausted: false });
});
