/**
 * The moments of a run at which the machine or the process may die, and what makes two of them the same.
 * @module
 */
import { callText, type DiskCall, type DiskChange } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { type CrashKind, head as modelHead } from "../../model/log.ts";
import { type Chosen, nobody } from "../../explore/choice.ts";
import { type Logs, streamPath } from "../engine.ts";

/** A moment at which the machine or the process dies. */
export interface CrashPoint {
  readonly disk: SimulatedDisk;
  readonly logs: Logs;
  readonly kind: CrashKind;
  /** What it comes before or after. */
  readonly side: "before" | "after";
  readonly moment: Moment;
  /** Which one it is of the run that it was met in, from 1. */
  readonly place: number;
}

/** A change, a call, or the end of what is watched, in words. */
type Moment = DiskChange | DiskCall | string;

/** When a crash comes, for a person. */
export function whenText({ kind, side, moment }: CrashPoint): string {
  const when = typeof moment === "string" ? moment : callText(moment);
  return `${kind === "power" ? "power failure" : "process killed"} ${side} ${when}`;
}

/**
 * Keeps the moments of a run at which it may be crashed: for the death of the process after every change to
 * the disk, for a power failure before every sync and at the end. Between two syncs nothing that was issued
 * is certain to survive, so whatever a power failure leaves at any other moment it may also leave at the next
 * of these.
 */
export class CrashPoints {
  readonly kept: CrashPoint[] = [];
  /** Moments so far, kept or not. */
  count = 0;
  readonly #disk: SimulatedDisk;
  readonly #logs: () => Logs;
  readonly #worthKeeping: () => boolean;

  /**
   * @param logs the model at the moment
   * @param worthKeeping whether what led here is new; a moment that is not was kept in an earlier run
   */
  constructor(disk: SimulatedDisk, logs: () => Logs, worthKeeping: () => boolean = () => true) {
    this.#disk = disk;
    this.#logs = logs;
    this.#worthKeeping = worthKeeping;
  }

  /** Begins to watch. `change` and `call` see what is watched, too. */
  watch(change: (change: DiskChange) => void, call?: (call: DiskCall) => void): void {
    this.#disk.onChange = (moment) => {
      change(moment);
      this.#keep("process", moment, "after");
    };
    this.#disk.onCall = (moment) => {
      call?.(moment);
      if (isSync(moment)) this.#keep("power", moment, "before");
    };
  }

  /** Ends it: the last moment is now. */
  end(moment: string): void {
    this.#disk.onChange = undefined;
    this.#disk.onCall = undefined;
    for (const kind of CRASH_KINDS) this.#keep(kind, moment, "after");
  }

  #keep(kind: CrashKind, moment: Moment, side: CrashPoint["side"]): void {
    this.count += 1;
    if (!this.#worthKeeping()) return;
    const disk = this.#disk.fork(nobody);
    this.kept.push({ disk, logs: this.#logs(), kind, side, moment, place: this.count });
  }
}

const isSync = ({ kind }: DiskCall): boolean => kind === "sync" || kind === "sync directory";

/** The choice of one of so many moments, or of none (place 0). */
export function momentChoice(question: string, count: number, point: CrashPoint | undefined): Chosen {
  const what = point === undefined ? question : `${question} (${whenText(point)})`;
  return { what, chosen: point?.place ?? 0, of: count + 1 };
}

/** What is answered besides the decisions of the disk; the labels are those of a counterexample. */
export const ASKED = {
  crash: "moment of the crash, 0 for none",
  stream: "which stream is opened",
  recoveryCrash: "moment of the crash in recovery, 0 for none",
  extreme: "what the last crash leaves: everything, nothing unsynced",
} as const;

const CRASH_KINDS: readonly CrashKind[] = ["power", "process"];

/**
 * The same moment, of which only one stream is left. Streams share nothing but the data directory, and the
 * engine opens one when it is used, so their crash states add up instead of multiplying. That streams do not
 * disturb each other is checked without crashes.
 */
export function onlyStream(point: CrashPoint, place: number): CrashPoint {
  if (point.logs.size === 1) return point;
  const [stream, log] = [...point.logs][place] ?? [];
  if (stream === undefined || log === undefined) return point;
  const disk = point.disk.fork(nobody);
  for (const other of point.logs.keys()) if (other !== stream) disk.forget(streamPath(other));
  return { ...point, disk, logs: new Map([[stream, log]]) };
}

/** Equal keys: equal disks, and equal models of what may be on them. */
export function stateKey(
  { disk, logs }: { readonly disk: SimulatedDisk; readonly logs: Logs },
  kind: CrashKind,
): string {
  let key = kind + disk.key();
  for (const log of logs.values()) {
    const head = Buffer.from(modelHead(log)).toString("latin1");
    key += `|${log.durable} ${log.written} ${log.records.length} ${head}`;
  }
  return key;
}
