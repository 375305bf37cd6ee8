/**
 * `kmb check --resume FILE`: what a run has counted so far, so that another can go on where it ended.
 *
 * The file says how many units were searched, from the first on, and the sum of what they counted: results
 * are taken in the units' order, so what was taken is always a beginning of the list. Going on, a run lists
 * the units again, begins after those, and adds to their sum; what a unit counts depends on nothing but the
 * unit, so it comes to what one run would have. A file of other code, other bounds or another shard is
 * refused, and so is one whose list of units was another.
 *
 * Promises: the file is replaced as a whole, so that a run that is killed leaves the old or the new one; and
 * a unit that ended in a violation is not in it, so that the next run finds the violation again. What
 * finished after a unit that has not is lost with the process. Two runs must not have the same file.
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import * as z from "zod/mini";
import { NoteError } from "../audit/text.ts";
import { type Bounds, boundsSchema, boundsThatDiffer, PART_NAMES } from "../properties/bounds.ts";
import { INVARIANTS, WITNESSES } from "../properties/invariants/catalogue.ts";
import {
  bigCount,
  complaint,
  count,
  fromJson,
  otherVersion,
  ResultFileError,
} from "../properties/result-file.ts";
import { toJson } from "../properties/result.ts";
import type { Share } from "../properties/shards.ts";
import { type Counts, emptyCounts } from "../properties/tally.ts";
import { bytesOfFile, named } from "./named-file.ts";

const SCHEMA = "kimberlite-storage/resume@1";
/** A file is a few kilobytes, and syncing it takes milliseconds: at this pace it costs nothing. */
const SAVE_EVERY_MS = 1000;

/** Whose counts may be added to these. */
interface RunIdentity {
  readonly version: string;
  readonly bounds: Bounds;
  readonly memo: boolean;
  readonly share: Share | null;
}

/** How far a run came. */
interface Kept {
  /** The name of the list of units; `null` before there was one. */
  readonly plan: string | null;
  readonly searched: number;
  readonly counts: Counts;
}

const invariantIds = INVARIANTS.map(({ id }) => id);
const witnessIds = WITNESSES.map(({ id }) => id);

const schema = z.strictObject({
  schema: z.literal(SCHEMA),
  version: z.string(),
  bounds: boundsSchema,
  memo: z.boolean(),
  share: z.nullable(z.strictObject({ index: count, of: count })),
  plan: z.nullable(z.string()),
  searched: count,
  counts: z.strictObject({
    workloads: count,
    crashPoints: count,
    crashStates: bigCount,
    left: bigCount,
    cases: z.record(z.enum(PART_NAMES), count),
    checks: z.record(z.enum(invariantIds), count),
    met: z.record(z.enum(witnessIds), count),
  }),
});

export class ResumeFile {
  readonly #path: string;
  readonly #identity: RunIdentity;
  #kept: Kept;
  /** So that the first unit is saved at once. */
  #savedAt = -Infinity;
  #isSaved = true;
  #problem: string | undefined;

  private constructor(path: string, identity: RunIdentity, kept: Kept) {
    this.#path = path;
    this.#identity = identity;
    this.#kept = kept;
  }

  /**
   * Reads the file, or makes it. Either way it has been written when this returns.
   * @throws NoteError that names the file and says why it cannot be used
   */
  static open(path: string, identity: RunIdentity): ResumeFile {
    const kept = existsSync(path) ? read(path, identity) : { plan: null, searched: 0, counts: emptyCounts() };
    const file = new ResumeFile(path, identity, kept);
    file.#write();
    return file;
  }

  /**
   * How far the run came, for one that has listed its units.
   * @param plan the name of the list
   * @throws NoteError if it is another one, or a shorter one
   */
  begin(plan: string, units: number): Kept {
    const { plan: before, searched } = this.#kept;
    if ((before !== null && before !== plan) || searched > units) {
      throw new NoteError(
        `${this.#path} was written by a run that listed other units, with the same code and bounds: the check is not deterministic.`,
      );
    }
    this.#kept = { ...this.#kept, plan };
    return structuredClone(this.#kept);
  }

  /**
   * The first so many units counted this together. Written soon, not at once; where that fails, the run need
   * not end for it, and `problem` says so.
   */
  save(searched: number, counts: Counts): void {
    this.#kept = { ...this.#kept, searched, counts: structuredClone(counts) };
    this.#isSaved = false;
    if (performance.now() - this.#savedAt >= SAVE_EVERY_MS) this.flush();
  }

  /** Writes what was not written yet. */
  flush(): void {
    if (this.#isSaved) return;
    try {
      this.#write();
      this.#problem = undefined;
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.#problem = error.message;
    }
    this.#savedAt = performance.now();
  }

  /** Why the file does not say what was searched, if it does not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  #write(): void {
    const beside = `${this.#path}.new`;
    try {
      const file = openSync(beside, "w");
      try {
        writeFileSync(file, toJson({ schema: SCHEMA, ...this.#identity, ...this.#kept }));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(beside, this.#path);
    } catch (error) {
      throw named(error, this.#path, "written");
    }
    this.#isSaved = true;
  }
}

function read(path: string, identity: RunIdentity): Kept {
  const refuse = (why: string): never => {
    throw new NoteError(`${path} cannot be resumed: ${why}.`);
  };
  const json = jsonOf(path, refuse);
  const given = json as { schema?: unknown; version?: unknown } | null;
  if (given?.schema !== SCHEMA) return refuse("kmb check --resume did not write it");
  // First, for other code has other bounds and counts.
  const other = otherVersion(given.version, identity.version);
  if (other !== undefined) return refuse(`it ${other}`);
  const parsed = schema.safeParse(json);
  if (!parsed.success) return refuse(complaint(parsed.error));
  const { bounds, memo, share, plan, searched, counts } = parsed.data;
  const [name] = boundsThatDiffer(bounds, identity.bounds);
  if (name !== undefined) {
    const [theirs, ours] = [bounds, identity.bounds].map((of) => JSON.stringify(of[name]));
    return refuse(`it is of other bounds: ${name} ${theirs}, where this run has ${ours}`);
  }
  if (JSON.stringify(share) !== JSON.stringify(identity.share))
    return refuse(`it is of ${shareText(share)}, and this run of ${shareText(identity.share)}`);
  if (memo !== identity.memo) return refuse("one run is with --no-memo, the other without");
  return { plan, searched, counts: { ...emptyCounts(), ...counts } };
}

function jsonOf(path: string, refuse: (why: string) => never): unknown {
  const text = bytesOfFile(path).toString();
  try {
    return fromJson(text);
  } catch (error) {
    if (error instanceof ResultFileError) return refuse(`it ${error.message}`);
    throw error;
  }
}

const shareText = (share: Share | null): string =>
  share === null ? "all units" : `shard ${share.index}/${share.of}`;
