/**
 * A disk that changes nothing after the data directory's lock is lost: the locked file was removed or
 * replaced, and another process may have locked the new one and write to the same files.
 *
 * Promises: the lock is looked at before each call that changes something, and after each sync, so that what
 * is acknowledged as durable was synced while no other opener could have been admitted. One look is one call
 * of `DiskLock.isHeld`, some microseconds.
 *
 * Does not promise that nothing is changed between a look and the call after it: if the lock is lost, and
 * another process opens the directory and writes, all in between, the call may overwrite what that process
 * wrote.
 * @module
 */
import type { Disk, DiskFile, DiskLock } from "./disk.ts";
import { StorageError } from "../error.ts";

/**
 * The same disk, as long as the lock on the file at `lockPath` is held; then calls that change something fail
 * with a StorageError `locked`.
 */
export function guarded(disk: Disk, lock: DiskLock, lockPath: string): Disk {
  const look = async (): Promise<void> => {
    if (!(await lock.isHeld())) throw lost(lockPath);
  };
  const guardedFile = (file: DiskFile): DiskFile => ({
    size: () => file.size(),
    read: (target, position) => file.read(target, position),
    write: async (source, position) => {
      await look();
      return file.write(source, position);
    },
    truncate: async (size) => {
      await look();
      return file.truncate(size);
    },
    sync: async () => {
      await file.sync();
      await look();
    },
    close: () => file.close(),
  });
  return {
    resolve: (path) => disk.resolve(path),
    open: async (path, mode) => {
      if (mode === "read") return disk.open(path, mode);
      await look();
      return guardedFile(await disk.open(path, mode));
    },
    rename: async (from, to) => {
      await look();
      return disk.rename(from, to);
    },
    remove: async (path) => {
      await look();
      return disk.remove(path);
    },
    list: (path) => disk.list(path),
    makeDirectory: async (path) => {
      await look();
      return disk.makeDirectory(path);
    },
    syncDirectory: async (path) => {
      await disk.syncDirectory(path);
      await look();
    },
    lock: (path) => disk.lock(path),
  };
}

function lost(file: string): StorageError {
  return new StorageError(
    "locked",
    "The lock file was removed or replaced while the data directory was open, so that another process may have it open, too. Nothing more is written here. Keep whatever removed it away from the directory, close the storage, and open it again.",
    { file },
  );
}
