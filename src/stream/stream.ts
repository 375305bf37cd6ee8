/**
 * One stream of an open `Storage`: appends one after another, and reads at the same time.
 *
 * Invariants: what a read can see is committed; the chain head in memory is that of the last committed
 * record; after a failure that leaves it unknown what the disk holds, nothing more is acknowledged (the
 * stream is poisoned) until the stream is opened again.
 * @module
 */
import type { AppendResult } from "../backend.ts";
import {
  appendResult,
  type PreparedBatch,
  prepareBatch,
  prepareCheckpoint,
  prepareTombstone,
} from "../format/batch.ts";
import { genesisHead } from "../format/chain.ts";
import type { Codec } from "../format/codec.ts";
import { errorOf, StorageError } from "../error.ts";
import { isOutOfFiles } from "../disk/files.ts";
import { formatNamed, type RecordFormat } from "../format/formats.ts";
import { PAGE_SEGMENTS, type SegmentInfo } from "../format/manifest.ts";
import type { OffsetIndex } from "../format/offset-index.ts";
import type { Tombstone } from "../format/tombstone.ts";
import { invariant } from "../invariant.ts";
import {
  type Compactable,
  compact,
  type Compaction,
  type CompactionResult,
  type Prepared,
} from "./compaction.ts";
import { createStream } from "./create-stream.ts";
import { IndexCache } from "./index-cache.ts";
import { openStream } from "./open-stream.ts";
import type { Appendable, Mutable, OpenStream } from "./opened-stream.ts";
import { beginReplacement, commitReplacement } from "./replace-segment.ts";
import { filledSegment, startSegment } from "./start-segment.ts";
import { statusOf, type StreamStatus } from "./stream-status.ts";
import { type ActiveSegment, type IndexSettings, removeIndexLog } from "../segment/active-segment.ts";
import { HiddenRecords } from "./hidden-records.ts";
import { type ReadSource, recordAtOffset } from "./read.ts";
import type { Finding } from "../segment/finding.ts";
import { OffsetRanges } from "../format/offset-ranges.ts";
import { refuseOtherOffset, refuseTombstone } from "../requests.ts";
import { purgeQuarantine } from "../segment/quarantine.ts";
import { unnamedRedactions } from "./unnamed-redactions.ts";
import type { RewrittenSegment } from "../segment/rewrite-segment.ts";
import { loadSealedIndex } from "../segment/saved-index.ts";
import {
  filesOf,
  type StreamContext,
  type StreamSurroundings,
  withFormat,
} from "../segment/stream-context.ts";
import type { CheckpointPolicy, Format, StreamHead } from "../types.ts";

export interface StreamSettings extends IndexSettings {
  readonly codec: Codec;
  readonly policy: CheckpointPolicy;
  readonly maxSegmentBytes: number;
  /** The format that the stream gets if it is to be created. */
  readonly format: Format;
}

export class Stream {
  readonly #look: () => StreamSurroundings;
  /** The same, with the format that the stream has or would get. */
  #context: StreamContext;
  readonly #settings: StreamSettings;
  #queue: Promise<unknown> = Promise.resolve();
  #opening: Promise<void> | undefined;
  #open: Mutable<OpenStream> | undefined;
  /**
   * Bytes of the active segment up to the stream's end. What a batch adds is shown together with its records,
   * although the segment has it earlier.
   */
  #shownBytes = 0;
  #poison: StorageError | undefined;
  /** Whether the active segment may have a successor on the disk, so that nothing more may go into it. */
  #isRotating = false;
  #isClosed = false;
  #openingFailed = false;
  readonly #earlier: readonly Finding[];
  readonly #hidden = new HiddenRecords();
  /** Another one whenever a segment was replaced. */
  #edition: object = {};
  /** Resolves when no segment is being replaced. */
  #replaced: Promise<void> = Promise.resolve();
  /** Compactions happen one after another. */
  #compacted: Promise<unknown> = Promise.resolve();
  readonly #indexes = new IndexCache();

  /**
   * @param look gives the stream's surroundings, for one attempt to open it
   * @param earlier what recovery found when the stream was open before
   */
  constructor(look: () => StreamSurroundings, settings: StreamSettings, earlier: readonly Finding[] = []) {
    this.#earlier = earlier;
    this.#look = look;
    this.#context = withFormat(look(), formatNamed(settings.format));
    this.#settings = settings;
  }

  /** Appends a batch. @throws StorageError as `StorageBackend.appendBatch` */
  append(
    payloads: readonly Uint8Array[],
    expectedOffset: bigint | undefined,
    fsync: boolean,
  ): Promise<AppendResult> {
    const { codec, policy } = this.#settings;
    return this.#write(expectedOffset, fsync, (format, before) =>
      prepareBatch(format, before, payloads, codec, policy),
    );
  }

  /** Appends a checkpoint. @throws StorageError `empty-stream` and as `append` */
  checkpoint(expectedOffset: bigint | undefined, fsync: boolean): Promise<AppendResult> {
    return this.#write(expectedOffset, fsync, prepareCheckpoint);
  }

  /** Appends a tombstone. @throws StorageError as `StorageBackend.tombstone` */
  tombstone(tombstone: Tombstone, expectedOffset: bigint | undefined, fsync: boolean): Promise<AppendResult> {
    const prepare = async (format: RecordFormat, before: StreamHead): Promise<PreparedBatch> => {
      const source = await this.source();
      await refuseTombstone(this.#context.stream, format, tombstone, (offset) =>
        recordAtOffset(source, offset),
      );
      return prepareTombstone(format, before, tombstone, this.#settings.policy);
    };
    return this.#write(expectedOffset, fsync, prepare, () => {
      this.#hidden.add(tombstone);
    });
  }

  /** The data records from an offset on that are hidden. @throws StorageError if that cannot be told */
  async hidden(from: number): Promise<OffsetRanges> {
    return this.#hidden.from(await this.source(), from);
  }

  /** Erases what is hidden. @throws StorageError as `Storage.compact` */
  compact(compaction: Compaction): Promise<CompactionResult> {
    const compacted = this.#compacted.then(() => compact(this.#compactable, compaction));
    this.#compacted = compacted.catch(() => undefined);
    return compacted;
  }

  /** Makes everything appended durable. @throws StorageError `io`, `poisoned` */
  sync(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#ready();
      this.#refuseIfPoisoned();
      await this.#sync();
    });
  }

  /** Where the stream ends. @throws StorageError if that is not known, for the end is lost */
  async head(): Promise<StreamHead> {
    await this.#ready();
    if (this.#open?.lostEnd !== undefined) throw this.#open.lostEnd;
    return this.#head();
  }

  async status(): Promise<StreamStatus> {
    await this.#ready();
    const { name } = this.#context.format;
    return statusOf(this.#head(), name, this.#segments(), this.findings, this.#open?.lostEnd);
  }

  /** Whether the stream is there and was opened, and not closed since. */
  get isOpen(): boolean {
    return this.#open !== undefined && !this.#isClosed;
  }

  /**
   * Whether it refuses every call until the storage is opened again: it is poisoned, or could not be opened.
   */
  get hasFailed(): boolean {
    return this.#openingFailed || this.#poison !== undefined;
  }

  /** What recovery found, now and earlier. What was found twice is there once. */
  get findings(): readonly Finding[] {
    const now = this.#open?.findings ?? [];
    const messages = new Set(now.map(({ error }) => error.message));
    return [...this.#earlier.filter(({ error }) => !messages.has(error.message)), ...now];
  }

  /** The stream as a reader sees it. */
  async source(): Promise<ReadSource> {
    await this.#ready();
    return this.#source;
  }

  get #source(): ReadSource {
    return {
      context: this.#context,
      segments: () => this.#segments(),
      index: (segment) => this.#index(segment),
      replaceIndex: (segment, index) => {
        this.#indexes.put(segment.number, index);
      },
      hidden: (from) => this.#hidden.from(this.#source, from),
      edition: () => this.#edition,
      settled: () => this.#replaced,
      lostEnd: this.#open?.lostEnd,
    };
  }

  /**
   * Makes everything durable and closes the files, after the calls in progress. The files are closed even if
   * it fails. May be called again.
   *
   * @throws StorageError `io`; `poisoned` if a failure left in doubt what is durable
   */
  close(): Promise<void> {
    return this.#enqueue(async () => {
      await this.#opening?.catch(() => undefined);
      const open = this.#open;
      if (open === undefined) return;
      try {
        this.#refuseIfPoisoned();
        await this.#sync();
        if (open.lostEnd === undefined) await open.active.rest();
      } finally {
        if (!this.#isClosed) await open.active?.close();
        this.#isClosed = true;
      }
    });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work);
    this.#queue = done.catch(() => undefined);
    return done;
  }

  /**
   * Opens the stream the first time. A failure is final until the storage is opened again, unless it is not
   * the disk's: too many open files.
   */
  #ready(): Promise<void> {
    this.#opening ??= this.#openStream();
    return this.#opening;
  }

  async #openStream(): Promise<void> {
    let opened: OpenStream | undefined;
    try {
      opened = await openStream(this.#look, this.#settings);
    } catch (error) {
      if (isOutOfFiles(error)) this.#opening = undefined;
      else this.#openingFailed = true;
      throw error;
    }
    if (opened === undefined) return;
    this.#open = { ...opened };
    this.#context = opened.context;
    this.#shownBytes = opened.active?.index.end ?? 0;
    for (const finding of await unnamedRedactions(this.#source, opened.redacted))
      opened.findings.push(finding);
  }

  #write(
    expectedOffset: bigint | undefined,
    fsync: boolean,
    prepare: (format: RecordFormat, before: StreamHead) => PreparedBatch | Promise<PreparedBatch>,
    appended: () => void = () => undefined,
  ): Promise<AppendResult> {
    return this.#enqueue(async () => {
      await this.#ready();
      this.#refuseIfPoisoned();
      const open = this.#open;
      if (open?.lostEnd !== undefined) throw open.lostEnd;
      const before = open?.end ?? genesisHead();
      refuseOtherOffset(this.#context.stream, expectedOffset, before.nextOffset);
      const batch = await prepare(this.#context.format, before);
      await this.#commit(open ?? (await this.#create()), batch, fsync);
      appended();
      return appendResult(batch);
    });
  }

  async #create(): Promise<Appendable> {
    const open = await this.#orAgain(() => createStream(this.#context, this.#settings));
    return (this.#open = open);
  }

  async #commit(open: Appendable, batch: PreparedBatch, fsync: boolean): Promise<void> {
    const active = await this.#orAgain(() => this.#segmentFor(open, batch));
    try {
      await active.write(batch);
    } catch (error) {
      await this.#orPoison(() => active.cutBack());
      throw error;
    }
    if (fsync) await this.#orPoison(() => active.sync());
    active.commit(batch);
    if (fsync) await this.#orPoison(() => active.nameRecords());
    open.end = batch.end;
    this.#shownBytes = active.index.end;
  }

  async #sync(): Promise<void> {
    const active = this.#open?.active;
    if (active === undefined) return;
    await this.#orPoison(async () => {
      await active.sync();
      await active.nameRecords();
    });
  }

  /**
   * The segment that a batch goes into: a new one if the active one is full, if an attempt to begin a new one
   * has failed, or if the index files of the active one must stay as they are, so that they could not name
   * the batch. May be called again after a call that failed without any effect.
   */
  async #segmentFor(open: Appendable, batch: PreparedBatch): Promise<ActiveSegment> {
    const { active } = open;
    const isDue = this.#isFull(active, batch) || this.#isRotating || active.isFrozen;
    if (active.index.end > 0 && isDue) return this.#rotate(open);
    await active.wake();
    return active;
  }

  /**
   * Whether a segment is full. `sentinel` segments end where Kimberlite's do, which looks at their size only
   * after a batch.
   */
  #isFull({ index }: ActiveSegment, { bytes }: PreparedBatch): boolean {
    const { maxSegmentBytes } = this.#settings;
    return this.#context.format.name === "plain"
      ? index.end + bytes.length > maxSegmentBytes
      : index.dataEnd >= maxSegmentBytes;
  }

  /**
   * Seals the active segment and starts the next one, which is empty. What was appended is synced first,
   * whatever the caller asked for; the manifest that names the new segment commits it.
   */
  async #rotate(open: Appendable): Promise<ActiveSegment> {
    const { active, sealed } = open;
    const nextOffset = Number(open.end.nextOffset);
    const info = filledSegment(active, nextOffset, this.#shownBytes);
    const { index, firstOffset } = active;
    invariant(nextOffset === firstOffset + index.places, "The next segment begins where this one ends.");
    invariant(info.bytes === index.end, "Every byte of a segment that is sealed was shown.");
    await this.#orPoison(() => active.sync());
    this.#isRotating = true;
    await active.seal();
    const next = await startSegment(
      this.#context,
      open.manifest,
      sealed,
      { number: active.number + 1, firstOffset: nextOffset, full: [info] },
      this.#settings,
      active,
    );
    sealed.push(info);
    open.active = next;
    this.#isRotating = false;
    this.#shownBytes = 0;
    if (active.index.hasGaps) open.indexes.set(info.number, active.index);
    else this.#indexes.put(info.number, active.index);
    await active.close();
    if (!active.isFrozen) await removeIndexLog(filesOf(this.#context), info);
    return next;
  }

  /** What compaction does to the stream, each step in the order of the appends. */
  get #compactable(): Compactable {
    return {
      source: () => this.source(),
      hide: (tombstone) => this.tombstone(tombstone, undefined, true),
      prepare: () => this.#enqueue(() => this.#sealHidden()),
      replace: (rewritten) => this.#enqueue(() => this.#replace(rewritten)),
      purgeQuarantine: () => purgeQuarantine(this.#context.disk, this.#context.path),
    };
  }

  /** Makes everything durable, and seals the active segment if hidden records are in it. */
  async #sealHidden(): Promise<Prepared> {
    const open = this.#open;
    if (open === undefined) return { hidden: OffsetRanges.none, sealed: [], pageSegments: PAGE_SEGMENTS };
    this.#refuseIfPoisoned();
    if (open.lostEnd !== undefined) throw open.lostEnd;
    await this.#sync();
    const hidden = await this.hidden(0);
    const active = { from: open.active.firstOffset, to: Number(open.end.nextOffset) };
    if (hidden.meets(active)) await this.#orAgain(() => this.#rotate(open));
    return { hidden, sealed: [...open.sealed], pageSegments: open.manifest.pageSegments };
  }

  /** Puts a sealed segment that was written anew in its place. */
  async #replace(rewritten: RewrittenSegment): Promise<void> {
    this.#refuseIfPoisoned();
    const open = this.#open;
    const isWhole = open !== undefined && open.lostEnd === undefined;
    invariant(isWhole, "A segment that was written anew is one of a stream that is open and whole.");
    const files = filesOf(this.#context);
    await beginReplacement(files, open, rewritten.info);
    const replaced = this.#orPoison(() =>
      commitReplacement(files, open, rewritten, () => {
        this.#edition = {};
        this.#indexes.put(rewritten.info.number, rewritten.index);
      }),
    );
    this.#replaced = replaced.catch(() => undefined);
    await replaced;
  }

  #head(): StreamHead {
    const { nextOffset, head } = this.#open?.end ?? genesisHead();
    return { nextOffset, head: Uint8Array.from(head) };
  }

  /**
   * Runs what must not fail halfway: if it does, nothing more is acknowledged.
   *
   * @param isHarmless whether it can be run again after an error
   */
  async #orPoison<T>(
    work: () => Promise<T>,
    isHarmless: (error: unknown) => boolean = () => false,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isHarmless(error)) throw error;
      const cause = errorOf(this.#context.stream, error);
      this.#poison = new StorageError(
        "poisoned",
        "An earlier failure (see `cause`) left the stream in an unknown state. Fix its cause, close the storage, and open it again.",
        { stream: this.#context.stream },
        cause,
      );
      throw cause;
    }
  }

  /**
   * The same for what can be run again from its start if it failed only because too many files were open.
   */
  #orAgain<T>(work: () => Promise<T>): Promise<T> {
    return this.#orPoison(work, isOutOfFiles);
  }

  #refuseIfPoisoned(): void {
    if (this.#poison !== undefined) throw this.#poison;
  }

  #segments(): readonly SegmentInfo[] {
    if (this.#open === undefined) return [];
    const { sealed, active, end } = this.#open;
    if (active === undefined) return sealed;
    return [...sealed, filledSegment(active, Number(end.nextOffset), this.#shownBytes)];
  }

  async #index(segment: SegmentInfo): Promise<OffsetIndex> {
    const active = this.#open?.active;
    if (active?.number === segment.number) return active.index;
    const cached = this.#indexes.get(segment.number);
    const loaded = cached ?? (await loadSealedIndex(filesOf(this.#context), segment));
    // The saved index of a damaged segment may lack its last records; what recovery found does not.
    const recovered = this.#open?.indexes.get(segment.number);
    const index = recovered !== undefined && recovered.places > loaded.places ? recovered : loaded;
    this.#indexes.put(segment.number, index);
    return index;
  }
}
