/**
 * What a run has looked at, so that one can tell which faults in stored bytes it cannot have noticed: with
 * such a fault it goes as it went without.
 *
 * It errs on one side only. What was read after it was overwritten counts as looked at, and so does all of a
 * file that was renamed, for it is read under another name afterwards. It covers the calls of a process, not
 * `files()`, `key()` and the like; what comes to light again after a crash is looked at by the run after the
 * crash, which must be traced, too.
 * @module
 */
import { ByteRanges } from "./byte-ranges.ts";

interface Seen {
  readonly bytes: ByteRanges;
  size: boolean;
}

export class ReadTrace {
  private readonly files = new Map<string, Seen>();
  private readonly listed = new Set<string>();

  /** Somebody asked whether there is such a file. */
  sawName(path: string): void {
    this.seen(path);
  }

  /** Somebody asked which names are in a directory. */
  sawNames(directory: string): void {
    this.listed.add(directory);
  }

  /** Somebody asked for a file's size. */
  sawSize(path: string): void {
    this.seen(path).size = true;
  }

  /** Somebody asked for the bytes [from .. to) of a file, whether it has them or not. */
  sawBytes(path: string, from: number, to: number): void {
    this.seen(path).bytes.add(from, to);
  }

  /** Nobody can follow any further who looks at what of a file. */
  sawAll(path: string): void {
    this.sawSize(path);
    this.sawBytes(path, 0, Infinity);
  }

  /**
   * Whether the run may have gone differently if the file had been `after` instead of `before`, where
   * `undefined` is no file.
   *
   * @param path that of the file when the trace began
   */
  notices(path: string, before: Uint8Array | undefined, after: Uint8Array | undefined): boolean {
    const seen = this.files.get(path);
    if (before === undefined || after === undefined) {
      if (before === after) return false;
      const directory = path.slice(0, Math.max(path.lastIndexOf("/"), 1));
      return seen !== undefined || this.listed.has(directory);
    }
    if (seen === undefined) return false;
    if (seen.size && before.length !== after.length) return true;
    const shorter = Math.min(before.length, after.length);
    if (seen.bytes.meets(shorter, Math.max(before.length, after.length))) return true;
    for (let i = 0; i < shorter; i++) {
      if (before[i] !== after[i] && seen.bytes.meets(i, i + 1)) return true;
    }
    return false;
  }

  private seen(path: string): Seen {
    let seen = this.files.get(path);
    if (seen === undefined) this.files.set(path, (seen = { bytes: new ByteRanges(), size: false }));
    return seen;
  }
}
