/**
 * Single faults in stored bytes: every file of every small directory is damaged in every way that
 * `storedFaults` names, and what an engine then shows is held against the model, record by record.
 *
 * A segment's flipped bits are tried once more with the stream's index files gone, and with the saved ones
 * gone.
 * @module
 */
import { type Durability } from "../../src/index.ts";
import type { Bounds } from "../bounds.ts";
import { type Chosen, nobody } from "../../explore/choice.ts";
import { Odometer } from "../../explore/odometer.ts";
import { MADE_OPERATIONS } from "../operations.ts";
import type { Part, Trace } from "../part.ts";
import type { Counts } from "../tally.ts";
import { FailedStates } from "./failed-states.ts";
import { SingleEntryCache } from "./single-entry-cache.ts";
import {
  AFTER_A_FAILING_CALL,
  directoryNames,
  ENDINGS,
  isSegment,
  madeDirectories,
  type StoredState,
  stateName,
  storedState,
  streamFilesOf,
} from "./stored-states.ts";
import { chooseWorkload } from "../crashes/walk.ts";
import { checkProofs } from "../proofs.ts";
import type { Choice } from "../../explore/choice.ts";

import { type Indexes, DamageCheck } from "./damage-check.ts";

const DURABILITIES: readonly Durability[] = ["standard", "strict"];

const INDEXES: readonly Indexes[] = ["as they are", "all gone", "saved ones gone"];

export const STORED_BYTES: Part = {
  cases: "faults in stored bytes",
  async units(bounds) {
    const units: Chosen[][] = [];
    const seen = new Set<string>();
    const directories = new Directories();
    const states = new Odometer();
    do {
      states.begin();
      const state = await directories.choose(bounds, states);
      const name = stateName(state);
      if (state.faults.count > 0 && !seen.has(name)) units.push(states.path());
      seen.add(name);
    } while (states.advance());
    return units;
  },
  runner: () => {
    const directories = new Directories();
    return async (bounds, choice, counts, trace) => {
      await run(await directories.choose(bounds, choice), choice, counts, trace);
    };
  },
};

/** Puts one fault into a directory, and checks what an engine shows then. */
async function run(
  state: StoredState,
  choice: Choice,
  counts: Counts,
  trace: Trace | undefined,
): Promise<void> {
  if (state.faults.count === 0) return;
  // A payload made to hold the checksum of a shorter or longer record: only an index entry can tell, so
  // there has to be one.
  const made = MADE_OPERATIONS.some((name) => state.workload.includes(name));
  if (made && !state.places.every(({ belowWatermark }) => belowWatermark)) return;
  const place = choice.choose(state.faults.count, "fault in stored bytes");
  if (place === 0) checkProofs(streamFilesOf(state), state.places.length, state.proof, state.bounds, counts);
  const fault = state.faults.at(place);
  const more = fault.kind === "flipped" && isSegment(fault.path) && state.storage === undefined && !made;
  const asked = `${fault.what}; the index files: ${INDEXES.join(", ")}`;
  const indexes = (more ? INDEXES[choice.choose(INDEXES.length, asked)] : undefined) ?? "as they are";
  counts.cases["stored-bytes"] += 1;
  // An engine that has the directory open sees the bytes change beneath it; they are put back for the next
  // run.
  const disk = state.storage === undefined ? state.disk.fork(nobody) : state.disk;
  trace?.(`-- ${fault.what}; the index files ${indexes}`, state.disk, disk);
  disk.store(fault.path, fault.bytes);
  const check = new DamageCheck(state, fault, indexes, disk, counts, trace);
  try {
    if (state.storage === undefined) await check.onFreshEngine();
    else await check.onOpenEngine(state.storage);
  } finally {
    trace?.("-- the end of the run", disk);
    if (state.storage !== undefined) disk.store(fault.path, state.files.get(fault.path));
  }
}

/** Chooses the directories that faults are put into; what the last choice came to is kept. */
class Directories {
  readonly #kept = new SingleEntryCache<StoredState>();
  readonly #failed = new FailedStates();

  async choose(bounds: Bounds, choice: Choice): Promise<StoredState> {
    const names = directoryNames(bounds.format);
    const name = names[choice.choose(names.length, `directory: ${names.join(", ")}`)];
    if (name === AFTER_A_FAILING_CALL) return this.#failed.choose(bounds, choice);
    const made = madeDirectories(bounds.format).find((directory) => directory.name === name);
    const limits = { ...bounds, maxSegmentBytes: made?.maxSegmentBytes ?? bounds.maxSegmentBytes };
    const workload =
      made?.workload ??
      chooseWorkload(
        { ...bounds, length: bounds.faultLength, operations: [...bounds.operations, ...MADE_OPERATIONS] },
        choice,
      );
    const ending =
      ENDINGS[choice.choose(ENDINGS.length, `the end: ${ENDINGS.join(", ")}`)] ?? "the process is killed";
    const durability =
      DURABILITIES[
        choice.choose(made === undefined ? DURABILITIES.length : 1, `durability: ${DURABILITIES.join(", ")}`)
      ] ?? "standard";
    const key = JSON.stringify([limits, workload, ending, durability, made]);
    return this.#kept.get(key, () => storedState({ ...limits, durability }, workload, ending, made));
  }
}
