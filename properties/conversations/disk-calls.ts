/**
 * Calls to a disk and their answers as plain data: equal texts, equal calls or answers.
 * @module
 */
import type { OpenFile } from "../../fault-injection/open-file.ts";
import { DiskError, diskError, type DiskErrorCode } from "../../fault-injection/disk-error.ts";
import { elementAt } from "../../fault-injection/element-at.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import type { DiskLock, OpenMode } from "../../src/index.ts";

export interface DiskCall {
  /** All of the call. */
  readonly text: string;
  readonly name: CallName;
  readonly path: string;
  /** A new name, or how a file is opened. */
  readonly other: string;
  /** Which file, or which lock, in the order in which they were opened. */
  readonly handle: number;
  /** A position or a size. */
  readonly position: number;
  /** How many bytes are to be read. */
  readonly length: number;
  /** What is written. */
  readonly bytes: Uint8Array | undefined;
}

export type CallName =
  | "resolve"
  | "open"
  | "rename"
  | "remove"
  | "list"
  | "makeDirectory"
  | "syncDirectory"
  | "lock"
  | HandleCallName;

/** What is asked of an open file or a held lock. */
type HandleCallName = "size" | "read" | "write" | "truncate" | "sync" | "close" | "isHeld" | "release";

/** Begins an answer that is a failure. No byte and no path has this character. */
const ERROR = "\u2757";

/** What is answered where a lock is not to be had, and where one is still held. */
export const NOT_LOCKED = "locked by another";
export const HELD = "held";

/** Makes the calls of one conversation. */
export class Performer {
  readonly #disk: SimulatedDisk;
  readonly #files: OpenFile[] = [];
  readonly #locks: DiskLock[] = [];

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  /**
   * Makes a call.
   * @returns its answer, a failure included
   * @throws what the disk throws besides failing: the end of its step budget, and what those who watch it
   *   throw
   */
  perform(call: DiskCall): string {
    try {
      return this.#perform(call) ?? "";
    } catch (error) {
      if (error instanceof DiskError) return ERROR + error.message;
      throw error;
    }
  }

  /** @returns nothing where there is nothing to be told */
  #perform(call: DiskCall): string | undefined {
    const disk = this.#disk;
    const { name, path, other } = call;
    switch (name) {
      case "resolve":
        return disk.resolve(path);
      case "open":
        this.#files.push(disk.open(path, other as OpenMode));
        return undefined;
      case "rename":
        disk.rename(path, other);
        return undefined;
      case "remove":
        disk.remove(path);
        return undefined;
      case "list":
        return disk.list(path).join("/");
      case "makeDirectory":
        disk.makeDirectory(path);
        return undefined;
      case "syncDirectory":
        disk.syncDirectory(path);
        return undefined;
      case "lock": {
        const lock = disk.lock(path);
        if (lock === undefined) return NOT_LOCKED;
        this.#locks.push(lock);
        return undefined;
      }
      case "isHeld":
        return elementAt(this.#locks, call.handle).isHeld() === true ? HELD : "";
      case "release":
        void elementAt(this.#locks, call.handle).release();
        return undefined;
      case "size":
      case "read":
      case "write":
      case "truncate":
      case "sync":
      case "close":
        return performOn(elementAt(this.#files, call.handle), name, call);
    }
  }
}

function performOn(
  file: OpenFile,
  name: Exclude<HandleCallName, "isHeld" | "release">,
  { position, length, bytes = NOTHING }: DiskCall,
): string | undefined {
  switch (name) {
    case "size":
      return String(file.size());
    case "read": {
      const target = Buffer.allocUnsafe(length);
      return target.toString("latin1", 0, file.read(target, position));
    }
    case "write":
      return String(file.write(bytes, position));
    case "truncate":
      file.truncate(position);
      return undefined;
    case "sync":
      file.sync();
      return undefined;
    case "close":
      file.close();
      return undefined;
  }
}

const NOTHING = new Uint8Array();

/** The failure that an answer says, if it is one. */
export function failureIn(answer: string): DiskError | undefined {
  if (!answer.startsWith(ERROR)) return undefined;
  const [, code, call = "", path = ""] = /^.(\w+): (.*) (\S+)$/.exec(answer) ?? [];
  return diskError(code as DiskErrorCode, call, path);
}
