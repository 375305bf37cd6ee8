/**
 * Verifying a directory that somebody may have tampered with: by the engine, from the first record, and by
 * the model's reader.
 * @module
 */
import { NO_HASH } from "../../model/hash.ts";
import type { ShownRecord } from "../../model/log.ts";
import { readStream } from "../../model/reader.ts";
import { type Format, StorageError } from "../../src/index.ts";
import { sameBytes } from "../records.ts";
import { type Counts, witnessed } from "../tally.ts";
import { REPORTED_CASES } from "../invariants/witnesses.ts";
import { diskWith, openStorage, type Original, STREAM } from "./original.ts";
import type { Anchor } from "./rules.ts";

/** Why a directory holds no log, or the log that it holds. */
export type Verdict =
  | { readonly flaw: string }
  | { readonly flaw: undefined; readonly records: readonly ShownRecord[]; readonly head: Uint8Array };

/**
 * What the engine says. Any error that is no `StorageError` is thrown on.
 * @param trustHints whether a report of damaged index files counts: where they are missing it says nothing of
 * the log
 */
export async function engineOn(
  files: ReadonlyMap<string, Uint8Array>,
  format: Format,
  trustHints: boolean,
  counts: Counts,
): Promise<Verdict> {
  const storage = await openStorage(diskWith(files), format);
  try {
    const { findings, head } = await storage.status(STREAM);
    for (const reported of REPORTED_CASES) witnessed(counts, reported, findings);
    const found = findings.find(({ what }) => trustHints || what !== "damaged hint");
    if (found !== undefined) return { flaw: `${found.what}: ${found.error.message}` };
    const records = await storage.readRecords(STREAM, 0n, Number.MAX_SAFE_INTEGER, { verify: "genesis" });
    return { flaw: undefined, records, head };
  } catch (error) {
    if (error instanceof StorageError) return { flaw: `${error.code}: ${error.message}` };
    throw error;
  } finally {
    await storage.close();
  }
}

/** What the model's reader says; it looks at the segments only. */
export function modelOn(segments: ReadonlyMap<string, Uint8Array>, format: Format): Verdict {
  const { records, problem } = readStream(segments, format);
  if (problem !== undefined) return { flaw: problem.sentence };
  return { flaw: undefined, records, head: records.at(-1)?.hash ?? NO_HASH };
}

/**
 * What a verdict reveals to one who holds so much of the anchor of the log as it was; `undefined` for
 * nothing.
 */
export function revealed(verdict: Verdict, original: Original, anchor: Anchor): string | undefined {
  if (verdict.flaw !== undefined) return verdict.flaw;
  const { records, head } = verdict;
  if (anchor.includes("count") && records.length !== original.length) return `${records.length} records`;
  if (anchor.includes("head") && !sameBytes(head, original.at(-1)?.hash)) return "another head";
  return undefined;
}
