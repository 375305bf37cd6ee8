/**
 * An engine that runs. As far as its conversation was heard, its disk answers what was answered then; from
 * there on the disk itself does. All that it does is held against the tree, and what is new is added.
 * @module
 */
import { DiskError } from "../../fault-injection/disk-error.ts";
import type { Disk, DiskFile, DiskLock, OpenMode, Storage } from "../../src/index.ts";
import { S3 } from "../invariants/conformance.ts";
import { type Counts, hold, observe } from "../tally.ts";
import { type CallName, type DiskCall, failureIn, HELD, NOT_LOCKED, type Performer } from "./disk-calls.ts";
import type { ConversationTree, Place, Result } from "./tree.ts";

/** Something that an engine is asked; `text` says all of it. */
export interface Question {
  readonly text: string;
  readonly put: (storage: Storage) => Promise<unknown>;
}

/** Opens an engine on a disk. */
export type Start = (disk: Disk) => Promise<Storage>;

/** What is particular to a call. */
type Details = Partial<Omit<DiskCall, "text" | "name" | "path">>;

export class RunningEngine implements Disk {
  readonly #tree: ConversationTree;
  readonly #start: Start;
  readonly #heard: readonly string[];
  readonly #performer: Performer;
  /** Of an engine that is run to be compared, until its opening was counted. */
  #counts: Counts | undefined;
  #place: Place;
  #storage: Storage | undefined;
  #answers = 0;
  #files = 0;
  #locks = 0;
  /** What ended the run, if it was neither the engine nor a failure of the disk. */
  #ended: { readonly error: unknown } | undefined;

  /**
   * @param begin where its conversation begins
   * @param heard the first answers of the disk, which it need not be asked for again
   * @param counts where its opening is counted as a check
   */
  constructor(
    tree: ConversationTree,
    begin: Place,
    start: Start,
    heard: readonly string[],
    performer: Performer,
    counts: Counts | undefined,
  ) {
    this.#tree = tree;
    this.#place = begin;
    this.#start = start;
    this.#heard = heard;
    this.#performer = performer;
    this.#counts = counts;
  }

  /**
   * @throws Violation if an engine that heard the same did something else, and what the disk throws besides
   *   failing
   */
  async ask({ text, put }: Question): Promise<Result> {
    this.#place = this.#tree.after(this.#place, text);
    let result: Result;
    try {
      this.#storage ??= await this.#start(this);
      result = { ok: true, value: await put(this.#storage) };
    } catch (error) {
      result = { ok: false, error };
    }
    if (this.#ended !== undefined) throw this.#ended.error;
    const place = this.#place;
    if (place.call === undefined) place.result ??= result;
    const compared = { heard: place.call?.text ?? place.result, made: result };
    if (this.#counts === undefined) hold(S3.engine, compared);
    else observe(this.#counts, S3.engine, compared);
    this.#counts = undefined;
    return result;
  }

  #call(name: CallName, path: string, details: Details = {}): string {
    if (this.#ended !== undefined) throw this.#ended.error;
    try {
      const answer = this.#answerTo(callOf(name, path, details));
      const failure = failureIn(answer);
      if (failure === undefined) return answer;
      throw failure;
    } catch (error) {
      if (!(error instanceof DiskError)) this.#ended = { error };
      throw error;
    }
  }

  #answerTo(call: DiskCall): string {
    const place = this.#place;
    if (place.result === undefined) place.call ??= call;
    hold(S3.engine, { heard: place.call?.text ?? place.result, made: call.text });
    const answer = this.#heard[this.#answers] ?? this.#performer.perform(call);
    this.#answers += 1;
    this.#place = this.#tree.after(place, answer);
    return answer;
  }

  resolve(path: string): string {
    return this.#call("resolve", path);
  }

  open(path: string, mode: OpenMode): DiskFile {
    this.#call("open", path, { other: mode });
    const handle = this.#files;
    this.#files += 1;
    return {
      size: () => Number(this.#call("size", path, { handle })),
      read: (target, position) => {
        const answer = this.#call("read", path, { handle, position, length: target.length });
        return Buffer.from(target.buffer, target.byteOffset, target.length).write(answer, "latin1");
      },
      write: (bytes, position) => {
        // The engine may use its buffer again.
        return Number(this.#call("write", path, { handle, position, bytes: Uint8Array.from(bytes) }));
      },
      truncate: (position) => void this.#call("truncate", path, { handle, position }),
      sync: () => void this.#call("sync", path, { handle }),
      close: () => void this.#call("close", path, { handle }),
    };
  }

  rename(path: string, other: string): void {
    this.#call("rename", path, { other });
  }

  remove(path: string): void {
    this.#call("remove", path);
  }

  list(path: string): string[] {
    const names = this.#call("list", path);
    return names === "" ? [] : names.split("/");
  }

  makeDirectory(path: string): void {
    this.#call("makeDirectory", path);
  }

  syncDirectory(path: string): void {
    this.#call("syncDirectory", path);
  }

  lock(path: string): DiskLock | undefined {
    if (this.#call("lock", path) === NOT_LOCKED) return undefined;
    const handle = this.#locks;
    this.#locks += 1;
    return {
      isHeld: () => this.#call("isHeld", path, { handle }) === HELD,
      release: () => void this.#call("release", path, { handle }),
    };
  }
}

function callOf(name: CallName, path: string, details: Details): DiskCall {
  const { other = "", handle = -1, position = 0, length = 0, bytes } = details;
  const written = bytes === undefined ? "" : Buffer.from(bytes).toString("latin1");
  // No path has a zero byte.
  const text = `${name}\0${path}\0${other}\0${handle} ${position} ${length} ${written}`;
  return { text, name, path, other, handle, position, length, bytes };
}
