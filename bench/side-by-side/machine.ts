/**
 * What the measurements are made on.
 * @module
 */
import { statfsSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import type { Machine } from "../../properties/documents/performance.ts";

/** What `statfs` of Linux calls file systems. */
const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
]);

/** This machine, and the file system of a directory. */
export function machineOf(directory: string): Machine {
  const fileSystem = statfsSync(directory).type;
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    fileSystem: FILE_SYSTEMS.get(fileSystem) ?? `file system 0x${fileSystem.toString(16)}`,
    node: process.versions.node,
  };
}
