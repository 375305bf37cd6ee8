/**
 * A stream whose manifest is to have pages of so few segments that a short workload fills some
 * (docs/FORMAT.md, section 7).
 *
 * The engine takes the number from a manifest that is there, so the stream is begun by hand: its first
 * segment, empty, and that manifest.
 * @module
 */
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import { DATA_PATH, streamPath } from "../engine.ts";

/**
 * Begins a stream of the format `plain` on a disk without it. @param pageSegments how many segments a page
 * names
 */
export function beginPagedStream(disk: SimulatedDisk, stream: bigint, pageSegments: number): void {
  const path = streamPath(stream);
  const first = { segment_num: 0, first_offset: 0, next_offset: 0, size_bytes: 0 };
  const manifest = { segments: [first], active_segment: 0, format: "plain", page_segments: pageSegments };
  disk.makeDirectory(path);
  disk.syncDirectory(DATA_PATH);
  disk.store(`${path}/segment_000000.log`, new Uint8Array());
  disk.store(`${path}/segment_000000.log.idx.wal`, new Uint8Array());
  disk.store(`${path}/manifest.json`, Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`));
}
