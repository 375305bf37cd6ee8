/**
 * The file system, for a directory that somebody else may have prepared: opens regular files and nothing else.
 *
 * Opening a FIFO waits for its other end, a device may have no end, and what is written through a symbolic link lands wherever that leads. So
 * links are followed to read, for segments may be kept elsewhere, but never to change anything.
 *
 * Does not promise anything against somebody who exchanges files between the look and the call.
 * @module
 */
import fs from "node:fs";
import { type Disk, type DiskFile, type DiskLock, NodeDisk, type OpenMode } from "../src/index.ts";

/** What is opened or changed is no regular file. */
class NotRegularError extends Error {
  readonly code = "ENOTREG";
}

export class CarefulDisk implements Disk {
  readonly #disk = new NodeDisk();

  open(path: string, mode: OpenMode): DiskFile {
    if (mode === "read") {
      refuseIrregular(path, fs.statSync(path, { throwIfNoEntry: false }));
    } else {
      refuseIrregular(path, fs.lstatSync(path, { throwIfNoEntry: false }));
    }
    return this.#disk.open(path, mode);
  }

  rename(from: string, to: string): void {
    this.#disk.rename(from, to);
  }

  remove(path: string): void {
    this.#disk.remove(path);
  }

  list(path: string): string[] {
    return this.#disk.list(path);
  }

  makeDirectory(path: string): void {
    if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      throw new NotRegularError(`'${path}' is a symbolic link, and nothing is written through one`);
    }
    this.#disk.makeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#disk.syncDirectory(path);
  }

  lock(path: string): DiskLock | undefined {
    refuseIrregular(path, fs.lstatSync(path, { throwIfNoEntry: false }));
    return this.#disk.lock(path);
  }
}

function refuseIrregular(path: string, stats: fs.Stats | undefined): void {
  if (stats === undefined || stats.isFile()) return;
  const what = stats.isSymbolicLink()
    ? "a symbolic link, and nothing is written through one"
    : stats.isDirectory()
      ? "a directory"
      : "no regular file";
  throw new NotRegularError(`'${path}' is ${what}`);
}
