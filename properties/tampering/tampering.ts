/**
 * The tampering part: small logs and every edit that a forger can make to their files. The engine and the
 * model's reader verify them from the first record, with each anchor or part of an anchor that an auditor may
 * hold.
 *
 * Verified: what is revealed and what goes unnoticed is what the rules say (`rules.ts`), for both readers; if
 * the chain holds, both show the log that is in the files; index files that agree with the edited segments
 * hide nothing; those of the log as it was reveal every edit except appended records.
 *
 * Not verified: longer logs; a forger who finds collisions of SHA-256; index files that lie; reads that begin
 * to verify at a checkpoint; bytes that are no record after a segment's last one, unless it is the stream's
 * last segment.
 * @module
 */
import { show } from "../records.ts";
import { answersTo, type Part, type Trace } from "../part.ts";
import { H3, H4 } from "../invariants/chain.ts";
import { attempt, type Counts, observe } from "../tally.ts";
import { chooseTampered, directoryOf, EngineFiles, HINTS, type Tampered, whichEdit } from "./case.ts";
import { editsOf } from "./edits.ts";
import { ANCHORS, type Reader } from "./rules.ts";
import { engineOn, modelOn, revealed, type Verdict } from "./verdict.ts";

export const TAMPERING: Part = {
  cases: "edited logs, each with its index files removed, rebuilt and left as they were",
  units: ({ format }) => answersTo(whichEdit(format), editsOf(format).length),
  runner: () => {
    const engineFiles = new EngineFiles();
    return async (bounds, choice, counts, trace) => {
      const tampered = chooseTampered(bounds, choice);
      if (tampered === undefined) return;
      counts.cases.tampering += 1;
      trace?.(`the log       ${show(tampered.original)}`);
      trace?.(`in the files  ${show(tampered.forged)}`);
      for (const verified of await verdictsOn(tampered, counts, engineFiles))
        judge(tampered, verified, counts, trace);
      if (tampered.row.edit === "nothing") await checkWritten(tampered, counts, engineFiles);
    };
  },
};

/**
 * What somebody says who verifies an edited log, and beside which index files it lay; the model's reader uses
 * none.
 */
export interface Verified {
  readonly reader: Reader;
  readonly verdict: Verdict;
  readonly beside: (typeof HINTS)[number] | "any";
}

/** Verifies an edited log with both readers. */
export async function verdictsOn(
  tampered: Tampered,
  counts: Counts,
  engineFiles: EngineFiles,
): Promise<Verified[]> {
  const verified: Verified[] = [
    { reader: "model", verdict: modelOn(tampered.segments, tampered.format), beside: "any" },
  ];
  for (const beside of HINTS) {
    const files = await directoryOf(tampered, beside, engineFiles);
    const verdict = await attempt(H3.edit, "an edited log to be read or refused", () =>
      engineOn(files, tampered.format, beside === "left as they were", counts),
    );
    verified.push({ reader: "engine", verdict, beside });
  }
  return verified;
}

/** Holds what somebody says against what the rules say. @throws Violation */
export function judge(
  { original, forged, row, continues }: Tampered,
  { reader, verdict, beside }: Verified,
  counts: Counts,
  trace: Trace | undefined,
): void {
  // The whole anchor first: to be seen by nobody is worse than to be seen by not everybody.
  for (const [i, anchor] of [...ANCHORS.entries()].reverse()) {
    const who = `the ${reader} with ${anchor}, index files ${beside}`;
    const seen = revealed(verdict, original, anchor);
    trace?.(`${who}: ${seen ?? "nothing revealed"}`);
    const stated = row.outcome[reader][i] === "R";
    observe(counts, stated && anchor === "count and head" ? H3.edit : H4.edit, {
      edit: row.edit,
      recomputedAfter: row.after,
      original,
      forged,
      who,
      // The index files of the log as it was reveal everything but what was appended to it.
      isRevealed: stated || (beside === "left as they were" && !continues),
      revealed: seen,
    });
  }
  if (verdict.flaw === undefined) observe(counts, H4.shown, { forged, shown: verdict.records });
}

/** The logs that are edited are those that the engine writes, byte for byte. */
async function checkWritten(
  { format, original, segments }: Tampered,
  counts: Counts,
  engineFiles: EngineFiles,
): Promise<void> {
  const written = [...(await engineFiles.of(format, original))].filter(([name]) => name.endsWith(".log"));
  observe(counts, H4.written, { original, segments, written: new Map(written) });
}
