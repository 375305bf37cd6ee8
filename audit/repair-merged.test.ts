/**
 * Repairs of a stream with merged segments: they stay what they are, and what is behind them goes to
 * quarantine.
 */
import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

import { inStream, RECORD_BYTES, threeASegment } from "../e2e/small-segments.ts";
import { openedStorages, temporaryDirectories } from "../e2e/testing.ts";
import { NodeDisk } from "../src/index.ts";
import { audit } from "./audit.ts";
import { type Repair, repairStream } from "./repair.ts";

const directory = temporaryDirectories();
const open = openedStorages();

/** Ten records, three a segment. */
async function merged(): Promise<string> {
  const root = directory();
  await (await threeASegment(open, root)).close();
  return root;
}

async function repaired(root: string): Promise<Repair> {
  const [report] = (await audit(root)).streams;
  if (report === undefined) throw new Error("There is a stream.");
  return repairStream(new NodeDisk(), root, report);
}

describe("A stream with merged segments", () => {
  test("of which one is missing is repaired at its end, and the others stay what they are", async () => {
    const root = await merged();
    for (const name of ["segment_000003-000005.log", "segment_000009.log"]) fs.rmSync(inStream(root, name));
    expect(await repaired(root)).toMatchObject({
      cut: { file: "segment_000006-000008.log", position: 3 * RECORD_BYTES },
      nextOffset: 9n,
    });
    const storage = await open(root);
    const { segments, findings, lostEnd } = await storage.status(1n);
    expect(segments.map(({ firstOffset, nextOffset }) => [firstOffset, nextOffset])).toStrictEqual([
      [0n, 3n],
      [3n, 6n],
      [6n, 9n],
      [9n, 9n],
    ]);
    expect(findings.map(({ what }) => what)).toStrictEqual(["missing segment"]);
    expect(lostEnd).toBeUndefined();
    expect((await storage.appendBatch(1n, [Buffer.from("goes on")])).firstOffset).toBe(9n);
    expect(await storage.readFrom(1n, 6n, Infinity, { verify: "record" })).toHaveLength(4);
  });

  test("whose last segment cannot be read keeps what that held in quarantine", async () => {
    const root = await merged();
    const last = inStream(root, "segment_000009.log");
    const bytes = fs.readFileSync(last);
    fs.truncateSync(last, bytes.length - 10);
    expect(await repaired(root)).toMatchObject({ nextOffset: 9n });
    expect(fs.statSync(last).size).toBe(0);
    const quarantine = inStream(root, "quarantine");
    const kept = fs.readdirSync(quarantine).filter((name) => name.startsWith("segment_000009.log.0."));
    expect(kept.map((name) => fs.readFileSync(path.join(quarantine, name)))).toStrictEqual([
      bytes.subarray(0, -10),
    ]);
  });
});
