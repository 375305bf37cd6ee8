/**
 * What comes after a recovery: it is recovered again, appended to, crashed and read. The crash is searched in
 * its two extremes, those before it in full.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { acknowledge, append, type ModelLog } from "../../model/log.ts";
import type { Bounds } from "../bounds.ts";
import { acknowledged, NO_PROOF, type Proof, shown } from "../../model/proof.ts";
import { checkErased, checkLookUps, checkRecords, checkSegments, filesIn, showModel } from "../comparison.ts";
import type { Engines } from "../conversations/engines.ts";
import { streamPath } from "../engine.ts";
import type { Extreme } from "../../explore/extreme.ts";
import { checkKimberliteIndexes } from "../kimberlite-indexes.ts";
import { checkProofs } from "../proofs.ts";
import { D3, D4, D5 } from "../invariants/durability.ts";
import { K1 } from "../invariants/compaction.ts";
import { I1 } from "../invariants/corruption.ts";
import type { Trace } from "../part.ts";
import { APPENDED_AFTER_CUT } from "../invariants/witnesses.ts";
import { checkAnswers } from "../questions.ts";
import { attempt, type Counts, observe, witnessed } from "../tally.ts";
import type { Recovery } from "./recovery.ts";

const GOES_ON = "the recovered storage to go on";
const PROBE_PAYLOAD = Uint8Array.of(0x7a);

/**
 * Kills the recovered process, recovers again, appends to every stream, crashes the machine, and looks again:
 * nothing may have come back or gone.
 */
export async function probe(
  recovery: Recovery,
  choice: Extreme,
  bounds: Bounds,
  engines: Engines,
  counts: Counts,
  trace?: Trace,
): Promise<void> {
  trace?.("-- the process is killed, started again and appends", recovery.disk);
  for (const [stream, { records, format }] of recovery.logs) {
    if (records.length > 0)
      checkKimberliteIndexes(recovery.disk, streamPath(stream), format, counts, { atRest: false });
  }
  // What comes before the crash is the same in both extremes.
  const isFirst = choice.losesNothing;
  for (const [stream, log] of isFirst ? recovery.logs : [])
    holdProofs(recovery.disk.fork(choice), stream, log, shown(NO_PROOF, log), bounds, counts);
  const disk = recovery.disk.fork(choice);
  disk.onCall =
    trace &&
    ((call) => {
      trace(callText(call), disk);
    });
  disk.kill();
  const logs = new Map<bigint, ModelLog>();
  const again = await attempt(D3.records, GOES_ON, () => engines.open(disk));
  for (const [stream, log] of recovery.logs) {
    await attempt(D3.records, GOES_ON, () => checkRecords(again, stream, log, D3.records, counts));
    observe(counts, D3.alarm, await again.status(stream));
    const begun = append(log, [PROBE_PAYLOAD], { everyNRecords: bounds.checkpointEvery });
    const expectedOffset = BigInt(log.records.length);
    const result = await attempt(D5.append, GOES_ON, () =>
      again.appendBatch(stream, [PROBE_PAYLOAD], { expectedOffset }),
    );
    trace?.(`   appended, the stream ends at ${String(result.nextOffset)}`);
    observe(counts, D5.append, { stream, expectedOffset, log: begun, ...result });
    const after = acknowledge(begun, true);
    if (isFirst)
      holdProofs(disk.fork(choice), stream, after, acknowledged(shown(NO_PROOF, log), after), bounds, counts);
    logs.set(stream, after);
  }
  trace?.(showModel(logs));
  trace?.("-- power failure, and opened again", disk);
  disk.crash();
  const last = await attempt(D4.records, GOES_ON, () => engines.open(disk));
  for (const [stream, log] of logs) {
    await attempt(D4.records, GOES_ON, () => checkRecords(last, stream, log, D4.records, counts));
    await attempt(I1.lookUp, GOES_ON, () => checkLookUps(last, stream, log, counts));
    if (isFirst)
      await attempt(D4.records, GOES_ON, () =>
        checkAnswers(last, stream, log, [log.records.length - 2], D4, counts),
      );
    observe(counts, D4.alarm, await last.status(stream));
    checkSegments(disk, streamPath(stream), log, counts);
    if (isFirst && bounds.compactionLength > 0 && log.records.some(({ kind }) => kind === "tombstone")) {
      await attempt(K1.answer, GOES_ON, () => last.compact(stream));
      await attempt(K1.records, GOES_ON, () => checkRecords(last, stream, log, K1.records, counts));
      checkErased(disk, streamPath(stream), log, counts);
    }
  }
  witnessed(counts, APPENDED_AFTER_CUT, { cut: recovery.cut });
}

/** A stream without records owes nothing, and may have no segment yet. */
function holdProofs(
  disk: SimulatedDisk,
  stream: bigint,
  { records, format }: ModelLog,
  proof: Proof,
  bounds: Bounds,
  counts: Counts,
): void {
  if (proof.named === 0) return;
  checkProofs(filesIn(disk, streamPath(stream)), records.length, proof, { ...bounds, format }, counts);
}
