/**
 * What is refused by the disk is a finding of the file that it is about; what is wrong with the process or
 * the machine is none.
 */
import { describe, expect, test } from "vitest";
import { HandDirectory } from "../e2e/hand-directory.ts";
import { MemoryDisk } from "../e2e/memory-disk.ts";
import type { DiskFile, OpenMode } from "../src/index.ts";
import { audit } from "./audit.ts";
import { audited, linesOf } from "./testing.ts";

const hand = new HandDirectory("plain");

/** Refuses to open, or to list, one path. */
class RefusingDisk extends MemoryDisk {
  readonly #refused: string;
  readonly #code: string;

  constructor(refused: string, code: string) {
    super("/data", new Map([...hand.files()].map(([name, bytes]) => [`1/${name}`, bytes])));
    this.#refused = `/data/1${refused}`;
    this.#code = code;
  }

  override open(path: string, mode: OpenMode): DiskFile {
    this.#check(path);
    return super.open(path, mode);
  }

  override list(path: string): string[] {
    this.#check(path);
    return super.list(path);
  }

  #check(path: string): void {
    if (path === this.#refused)
      throw Object.assign(new Error(`${this.#code}: refused`), { code: this.#code });
  }
}

describe.each([
  ["a segment", `/${hand.name(1)}`, `damage unreadable-file ${hand.name(1)}`, 10],
  ["a saved index", `/${hand.name(1, "index")}`, `damage unreadable-file ${hand.name(1, "index")}`, 14],
  ["the manifest", "/manifest.json", "damage damaged-manifest manifest.json", 14],
])("%s that the disk refuses", (_, path, line, records) => {
  test.each(["EIO", "EACCES", "ELOOP", "EISDIR"])(
    "with %s is found, and the others are read",
    async (code) => {
      const report = await audited(new RefusingDisk(path, code));
      expect(linesOf(report)).toStrictEqual([line]);
      expect(report.records).toBe(records);
    },
  );

  test.each(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"])("with %s ends the audit", async (code) => {
    await expect(audit("/data", { disk: new RefusingDisk(path, code) })).rejects.toThrow();
  });
});

test("a stream's directory that the disk refuses is found, and a link is called one", async () => {
  for (const [code, cause] of [
    ["EACCES", "The medium is damaged"],
    ["ELOOP", "Somebody put a symbolic link here"],
  ] as const) {
    const { findings } = await audited(new RefusingDisk("", code));
    expect(findings).toMatchObject([{ severity: "damage", code: "unreadable-file", file: "/data/1" }]);
    expect(findings[0]?.cause).toContain(cause);
  }
});
