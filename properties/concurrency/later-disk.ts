/**
 * A disk whose every answer comes some turns later, so that calls which were made together meet in the middle
 * of each other.
 * @module
 */
import type { Disk, DiskFile } from "../../src/disk/disk.ts";
import type { Answer } from "../../src/types.ts";

/** More turns than the engine takes between two calls to the disk. */
const TURNS = 8;

async function later<T>(call: () => Answer<T>): Promise<T> {
  for (let turn = 0; turn < TURNS; turn += 1) await Promise.resolve();
  return call();
}

/** The same disk, answering later. */
export function laterDisk(disk: Disk): Disk {
  return {
    resolve: (path) => later(() => disk.resolve(path)),
    open: (path, mode) => later(async () => laterFile(await disk.open(path, mode))),
    rename: (from, to) => later(() => disk.rename(from, to)),
    remove: (path) => later(() => disk.remove(path)),
    list: (path) => later(() => disk.list(path)),
    makeDirectory: (path) => later(() => disk.makeDirectory(path)),
    syncDirectory: (path) => later(() => disk.syncDirectory(path)),
    lock: (path) => later(() => disk.lock(path)),
  };
}

function laterFile(file: DiskFile): DiskFile {
  return {
    size: () => later(() => file.size()),
    read: (target, position) => later(() => file.read(target, position)),
    write: (source, position) => later(() => file.write(source, position)),
    truncate: (size) => later(() => file.truncate(size)),
    sync: () => later(() => file.sync()),
    close: () => later(() => file.close()),
  };
}
