/**
 * The disk that answers later: a call reaches the disk below only after everything that was called together
 * with it was called, and answers what that disk answers.
 */
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../e2e/memory-disk.ts";
import { laterDisk } from "./later-disk.ts";

describe("a disk that answers later", () => {
  test("leaves time for other calls before it asks the disk below", async () => {
    const below = new MemoryDisk("/data", new Map([["a", Uint8Array.of(1)]]));
    const order: string[] = [];
    const list = below.list.bind(below);
    below.list = (path) => {
      order.push("the disk is asked");
      return list(path);
    };
    const names = laterDisk(below).list("/data");
    // A caller that awaits four things in a row, each there already, as an append does before its first call.
    const caller = async (): Promise<void> => {
      for (let step = 1; step <= 4; step += 1) {
        await Promise.resolve();
        order.push(`step ${step}`);
      }
    };
    const [answer] = await Promise.all([names, caller()]);
    expect(order).toStrictEqual(["step 1", "step 2", "step 3", "step 4", "the disk is asked"]);
    expect(answer).toStrictEqual(await list("/data"));
  });
});
