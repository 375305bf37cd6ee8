/**
 * What comes after a recovery: it is recovered again, appended to, crashed and read. The crash is searched in its two extremes, those
 * before it in full.
 * @module
 */
import { callText } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { acknowledge, append, head as modelHead, type ModelLog } from "../../model/log.ts";
import type { Bounds } from "../bounds.ts";
import { acknowledged, NO_PROOF, type Proof, shown } from "../../model/proof.ts";
import { checkLookUps, checkRecords, checkSegments, filesIn, sameBytes } from "../comparison.ts";
import type { Engines } from "../conversations/engines.ts";
import { streamPath } from "../engine.ts";
import type { Extreme } from "../extreme.ts";
import { checkKimberliteIndexes } from "../kimberlite-indexes.ts";
import { checkProofs } from "../proofs.ts";
import { checkAnswers } from "../questions.ts";
import { attempt, check, type Counts } from "../tally.ts";
import { checkNoAlarm, type Recovery } from "./recovery.ts";

const GOES_ON = "the recovered storage to go on";
const PROBE_PAYLOAD = Uint8Array.of(0x7a);

/**
 * Kills the recovered process, recovers again, appends to every stream, crashes the machine, and looks again: nothing may
 * have come back or gone.
 */
export async function probe(
  recovery: Recovery,
  choice: Extreme,
  bounds: Bounds,
  engines: Engines,
  counts: Counts,
  trace?: (line: string) => void,
): Promise<void> {
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
      trace(callText(call));
    });
  disk.kill();
  const logs = new Map<bigint, ModelLog>();
  const again = await attempt("D3", GOES_ON, () => engines.open(disk));
  for (const [stream, log] of recovery.logs) {
    await attempt("D3", GOES_ON, () => checkRecords(again, stream, log, "D3", counts));
    checkNoAlarm(await again.status(stream), "D3", counts);
    const begun = append(log, [PROBE_PAYLOAD], { everyNRecords: bounds.checkpointEvery });
    const expectedOffset = BigInt(log.records.length);
    const result = await attempt("D5", GOES_ON, () =>
      again.appendBatch(stream, [PROBE_PAYLOAD], { expectedOffset }),
    );
    check(
      counts,
      "D5",
      Number(result.nextOffset) === begun.records.length && sameBytes(result.head, modelHead(begun)),
      () => `the next record of stream ${String(stream)} to continue the chain at ${String(expectedOffset)}`,
      () =>
        `offsets ${String(result.firstOffset)} to ${String(result.nextOffset)}, head ${Buffer.from(result.head).toString("hex")}`,
    );
    const after = acknowledge(begun, true);
    if (isFirst)
      holdProofs(disk.fork(choice), stream, after, acknowledged(shown(NO_PROOF, log), after), bounds, counts);
    logs.set(stream, after);
  }
  disk.crash();
  const last = await attempt("D4", GOES_ON, () => engines.open(disk));
  for (const [stream, log] of logs) {
    await attempt("D4", GOES_ON, () => checkRecords(last, stream, log, "D4", counts));
    await attempt("I1", GOES_ON, () => checkLookUps(last, stream, log, counts));
    if (isFirst)
      await attempt("D4", GOES_ON, () =>
        checkAnswers(last, stream, log, [log.records.length - 2], "D4", counts),
      );
    checkNoAlarm(await last.status(stream), "D4", counts);
    checkSegments(disk, streamPath(stream), log, counts);
  }
  if (recovery.cut) counts.met["appended-after-cut"] += 1;
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
