/**
 * A process that is really killed, on a real file system. What is killed is the built package: `npm test`
 * builds first.
 *
 * The kill follows the k-th acknowledgement that the program prints, so it strikes whatever the program does
 * at that moment. Not shown here: a loss of power, which takes what was not synced; that is what the
 * simulated disk is for.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeAll, describe, expect, test } from "vitest";

import { StorageError } from "../src/error.ts";
import type { Record } from "../src/format/record.ts";
import { Storage } from "../src/storage.ts";
import { hashOf } from "./by-hand.ts";
import { failureOf, temporaryDirectories } from "./testing.ts";

const PROGRAM = path.join(import.meta.dirname, "appender.mjs");
const BUILT = path.join(import.meta.dirname, "../dist/src/index.js");
const STREAMS = [1n, 2n, 3n];

/** After how many acknowledgements a round is killed: every number up to 15, then further apart. */
const KILLS = [...Array.from({ length: 16 }, (_, k) => k), 18, 21, 25, 30, 36, 43, 51, 62, 75];
/** Rounds in between that are killed early, so that it is recovery which is interrupted. */
const EARLY = [0, 0, 1, 0, 1, 2, 0, 3];

const newDirectory = temporaryDirectories(tmpdir());
const children: ChildProcess[] = [];

beforeAll(() => {
  if (!fs.existsSync(BUILT)) throw new Error("The package is not built. Run `npm run build` first.");
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

/** Starts the program; `lines` grows with what it prints. */
function start(
  directory: string,
  round: number,
  errors: "inherit" | "ignore" = "inherit",
): { child: ChildProcess; lines: string[]; printed: Printed } {
  const child = spawn(process.execPath, [PROGRAM, directory, String(round)], {
    stdio: ["ignore", "pipe", errors],
  });
  children.push(child);
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  let seen: (() => void) | undefined;
  output.on("line", (line) => {
    lines.push(line);
    seen?.();
  });
  const closed = once(output, "close");
  const printed = async (count: number): Promise<void> => {
    const enough = new Promise<void>((resolve) => {
      seen = () => {
        if (lines.length >= count) resolve();
      };
      seen();
    });
    await Promise.race([enough, closed]);
    if (lines.length < count) throw new Error(`The program ended after ${lines.length} of ${count} lines.`);
  };
  return { child, lines, printed };
}

type Printed = (count: number) => Promise<void>;

/**
 * Runs the program until it has printed so many acknowledgements, kills it, and returns all that it printed.
 */
async function killedAfter(acknowledgements: number, directory: string, round: number): Promise<string[]> {
  const { child, lines, printed } = start(directory, round);
  await printed(1 + acknowledgements);
  const closed = once(child, "close");
  child.kill("SIGKILL");
  expect(await closed).toStrictEqual([null, "SIGKILL"]);
  expect(lines[0]).toBe("open");
  return lines.slice(1);
}

/** What was acknowledged: by stream and offset, the beginning of the payload. */
type Acknowledged = Map<string, string>;

/** Takes in the lines that the program printed; how many batches of each stream there were. */
function takeIn(lines: readonly string[], acknowledged: Acknowledged): Map<bigint, number> {
  const batches = new Map(STREAMS.map((stream) => [stream, 0]));
  for (const line of lines) {
    const found = /^(\d+) (\d+) (\d+)\.(\d+)\.(\d+)$/.exec(line);
    if (found === null) return expect.fail(`Not an acknowledgement: ${line}`);
    const [stream = 0, offset = 0, round = 0, batch = 0, records = 0] = found.slice(1).map(Number);
    for (let i = 0; i < records; i += 1) {
      acknowledged.set(`${stream} ${offset + i}`, `${round}.${batch}.${i}/${records}`);
    }
    expect(batch).toBe(batches.get(BigInt(stream)));
    batches.set(BigInt(stream), batch + 1);
  }
  return batches;
}

const textOf = ({ payload }: Record): string => Buffer.from(payload).toString().trimEnd();

/** The records are a chain from the first on, as FORMAT.md says, and `head` is its end. */
function expectChain(records: readonly Record[], head: Uint8Array): void {
  let previous: Uint8Array | undefined;
  for (const [offset, record] of records.entries()) {
    expect(record.offset).toBe(BigInt(offset));
    expect(Buffer.from(record.prevHash)).toStrictEqual(Buffer.from(previous ?? new Uint8Array(32)));
    previous = hashOf(previous, record.kind, record.payload);
  }
  expect(Buffer.from(head)).toStrictEqual(Buffer.from(previous ?? new Uint8Array(32)));
}

/**
 * Of one round: its batches in order from the first, whole but for the last; at most one more than was
 * acknowledged.
 */
function expectPrefix(payloads: readonly string[], acknowledgedBatches: number): void {
  let batch = 0;
  let record = 0;
  for (const payload of payloads) {
    const [, seenBatch, seenRecord, records] = /^\d+\.(\d+)\.(\d+)\/(\d+)$/.exec(payload)?.map(Number) ?? [];
    expect([seenBatch, seenRecord]).toStrictEqual([batch, record]);
    record += 1;
    if (record === records) {
      batch += 1;
      record = 0;
    }
  }
  expect(batch).toBeGreaterThanOrEqual(acknowledgedBatches);
  expect(batch + (record > 0 ? 1 : 0)).toBeLessThanOrEqual(acknowledgedBatches + 1);
}

describe("D1 a record acknowledged with sync survives every crash", () => {
  test("of the process, over many rounds in one directory", async () => {
    const directory = path.join(newDirectory(), "data");
    const acknowledged: Acknowledged = new Map();
    const rounds = KILLS.flatMap((kill, i) => [kill, ...EARLY.slice(i, i + 1)]);
    let rotations = 0;
    for (const [round, kill] of rounds.entries()) {
      const batches = takeIn(await killedAfter(kill, directory, round), acknowledged);
      // At once: a lock does not outlive its process.
      const storage = await Storage.open(directory);
      for (const stream of STREAMS) {
        const { findings, head, segments } = await storage.status(stream);
        expect(findings.filter(({ action }) => action === "keep")).toStrictEqual([]);
        rotations = Math.max(rotations, segments.length - 1);
        const records = await storage.readRecords(stream, 0n, Number.POSITIVE_INFINITY, {
          verify: "genesis",
        });
        expectChain(records, head);
        for (const [offset, record] of records.entries()) {
          const expected = acknowledged.get(`${String(stream)} ${offset}`);
          if (expected !== undefined) expect(textOf(record)).toBe(expected);
        }
        const data = records.filter(({ kind }) => kind === "data").map(textOf);
        const ofRound = data.filter((payload) => payload.startsWith(`${round}.`));
        expectPrefix(ofRound, batches.get(stream) ?? 0);
        expect(data.slice(data.length - ofRound.length)).toStrictEqual(ofRound);
        // Everything acknowledged is inside: none lies after the end.
        const offsets = [...acknowledged.keys()].filter((key) => key.startsWith(`${String(stream)} `));
        expect(offsets.filter((key) => Number(key.split(" ")[1]) >= records.length)).toStrictEqual([]);
      }
      await storage.close();
    }
    expect(rotations).toBeGreaterThan(50);
  }, 300_000);
});

describe("S1 a second opener of a data directory is refused; a crashed one leaves no stale lock", () => {
  test("while the process lives, and once it was killed", async () => {
    const directory = path.join(newDirectory(), "data");
    const { child, printed } = start(directory, 0);
    await printed(4);
    const error = await failureOf(() => Storage.open(directory));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "locked" });
    const second = start(directory, 1, "ignore").child;
    expect(await once(second, "exit")).toStrictEqual([1, null]);
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    const storage = await Storage.open(directory);
    expect((await storage.head(1n)).nextOffset).toBeGreaterThan(0n);
    await storage.close();
  });
});
