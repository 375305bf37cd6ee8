/**
 * A disk that only reads: a call that would change something is refused before it reaches the disk beneath.
 *
 * Promises: no file is opened for writing, no lock is taken, nothing is created. Does not promise: that
 * no one else changes the files at the same time.
 * @module
 */
import type { Disk } from "./disk.ts";

/** What a refused call fails with, as a file system that is mounted read-only fails. */
class ReadOnlyError extends Error {
  readonly code = "EROFS";
}

function refused(call: string, path: string): never {
  throw new ReadOnlyError(`EROFS: ${call} of ${path} was refused: only reading is allowed here`);
}

/** The same disk, for reading alone. */
export function readOnly(disk: Disk): Disk {
  return {
    resolve: (path) => disk.resolve(path),
    open: (path, mode) => (mode === "read" ? disk.open(path, mode) : refused(`opening for ${mode}`, path)),
    list: (path) => disk.list(path),
    rename: (from) => refused("renaming", from),
    remove: (path) => refused("removing", path),
    makeDirectory: (path) => refused("making", path),
    syncDirectory: (path) => refused("syncing", path),
    lock: (path) => refused("locking", path),
  };
}
