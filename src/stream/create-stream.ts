/**
 * Creating a stream.
 * @module
 */
import { io, syncNames } from "../disk/files.ts";
import { genesisHead } from "../format/chain.ts";
import type { IndexSettings } from "../segment/active-segment.ts";
import { filesOf, type StreamContext } from "../segment/stream-context.ts";
import { ManifestFiles } from "./manifest-files.ts";
import type { WholeStream } from "./opened-stream.ts";
import { startSegment } from "./start-segment.ts";

/**
 * Creates a stream's directory, its first segment and its manifest, and makes all of them durable. @throws
 * StorageError `io`
 */
export async function createStream(context: StreamContext, settings: IndexSettings): Promise<WholeStream> {
  await io("making a directory", { file: context.path }, () => context.disk.makeDirectory(context.path));
  await syncNames(context.disk, context.rootPath);
  const manifest = new ManifestFiles(filesOf(context));
  const active = await startSegment(context, manifest, [], { number: 0, firstOffset: 0 }, settings);
  return {
    context,
    manifest,
    sealed: [],
    active,
    end: genesisHead(),
    findings: [],
    redacted: [],
    indexes: new Map(),
    lostEnd: undefined,
  };
}
