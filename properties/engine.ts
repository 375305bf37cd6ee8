/**
 * The engine as the checker runs it: over a simulated disk, with limits so small that everything happens
 * soon.
 * @module
 */
import type { Choice } from "../explore/choice.ts";
import { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import type { ModelLog } from "../model/log.ts";
import { type Disk, Storage } from "../src/index.ts";
import type { Bounds } from "./bounds.ts";
import { nobody } from "../explore/choice.ts";

/** The model's side of every stream that was used. */
export type Logs = ReadonlyMap<bigint, ModelLog>;

export const DATA_PATH = "/data";

/** Path of a stream's directory. */
export function streamPath(stream: bigint): string {
  return `${DATA_PATH}/${String(stream)}`;
}

/** A disk as the checker begins with: the data directory there and durable. */
export function freshDisk(bounds: Bounds, choice: Choice = nobody): SimulatedDisk {
  const { sectorBytes, tornSectors, persistence, stepsMax } = bounds;
  const disk = new SimulatedDisk({ sectorBytes, tornSectors, persistence, stepsMax, choice });
  disk.makeDirectory(DATA_PATH);
  disk.syncDirectory("/");
  return disk;
}

/** Opens the engine with the limits that the bounds set. */
export function openEngine(disk: Disk, bounds: Bounds): Promise<Storage> {
  return Storage.open(DATA_PATH, {
    disk,
    checkpoints: { everyNRecords: bounds.checkpointEvery },
    maxSegmentBytes: bounds.maxSegmentBytes,
    indexLogMaxEntries: bounds.indexLogMaxEntries,
    readChunkBytes: bounds.readChunkBytes,
    format: bounds.format,
    durability: bounds.durability,
    compression: bounds.compression,
  });
}
