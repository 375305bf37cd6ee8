/**
 * The steps of a replay: what was decided, what was called, what engine and model said, and what the disk
 * held after each.
 * @module
 */
import { fieldsOf } from "../audit/annotate.ts";
import type { Certainty, FilePicture } from "../fault-injection/picture.ts";
import type { SimulatedDisk } from "../fault-injection/simulated-disk.ts";
import type { Violation } from "../properties/tally.ts";
import { plainText } from "../properties/plain-text.ts";
import { formatNamed } from "../src/format/formats.ts";
import type { Format } from "../src/types.ts";

/** What a step is: a word of the run, a choice, a call to the disk, what one of the two says, or the end. */
export type StepKind = "phase" | "choice" | "call" | "engine" | "model" | "end";

export interface Step {
  readonly kind: StepKind;
  readonly text: string;
  /** The files after it, as places in `ReplaySteps.files`. */
  readonly files: readonly number[];
}

/**
 * What became of a name, a size or a sector: as certain as the disk says, or `lost` or `torn` since it was
 * written, or `damaged` by a fault in stored bytes.
 */
export type Fate = Certainty | "lost" | "torn" | "damaged";

interface ShownSector {
  readonly start: number;
  readonly end: number;
  readonly fate: Fate;
  /** In hexadecimal; of a sector that is gone, those that were there. */
  readonly bytes: string;
}

/** A field of a record, and the bytes that it is in. */
interface ShownField {
  readonly at: number;
  readonly end: number;
  readonly name: string;
  readonly says: string;
}

export interface ShownFile {
  readonly path: string;
  readonly name: Fate;
  /** In words. */
  readonly size: string;
  readonly sectors: readonly ShownSector[];
  readonly fields: readonly ShownField[];
}

/** How a replay ended: with which status, in words, and with which violation, if there was one. */
export interface Ended {
  readonly status: number;
  readonly ending: string;
  readonly violation?: Violation;
}

/** Records above this size are of no interest to somebody who steps through bytes. */
const ANNOTATED_BYTES_MAX = 1 << 16;

/** Collects them. A file that stays as it is, is kept once. */
export class ReplaySteps {
  /** Each state of each file that was met. */
  readonly files: ShownFile[] = [];
  readonly steps: Step[] = [];
  readonly #format: Format;
  readonly #places = new Map<string, number>();
  #disk: SimulatedDisk | undefined;
  /**
   * Files as they were before the last crash or fault, by path, without those that were changed on purpose
   * since.
   */
  readonly #before = new Map<string, FilePicture>();
  /** What a difference from that is called. */
  #isDamaging = false;

  constructor(format: Format) {
    this.#format = format;
  }

  /**
   * A line of the trace comes.
   * @param before the disk as it is before what the line says
   * @param after the one that the run goes on with
   */
  line(text: string, before?: SimulatedDisk, after: SimulatedDisk | undefined = before): void {
    this.#settle();
    const [first = ""] = text.trimStart().split(" ");
    const kind = KINDS[first] ?? "call";
    if (kind === "phase") this.#begin(text, before ?? this.#disk);
    if (kind === "call") this.#forget(text.trim().split(" "));
    this.#disk = after ?? this.#disk;
    this.#push(kind, text);
  }

  /** Something was decided. */
  choice(text: string): void {
    this.#settle();
    this.#push("choice", text);
  }

  /** The run ends. */
  end(text: string): void {
    this.#settle();
    this.#push("end", text);
    this.#settle();
  }

  #push(kind: StepKind, text: string): void {
    this.steps.push({ kind, text: plainText(text.trim()), files: this.steps.at(-1)?.files ?? [] });
  }

  /** A phase of the run begins. @param disk as it is before */
  #begin(text: string, disk: SimulatedDisk | undefined): void {
    const isDamaging = text.includes("; the index files ");
    if (!isDamaging && !/power failure|killed/.test(text)) return;
    this.#isDamaging = isDamaging;
    for (const file of disk?.picture() ?? []) {
      const earlier = this.#before.get(file.path);
      const isOpen = ({ certainty }: { readonly certainty: Certainty }): boolean => certainty === "undecided";
      // What an earlier crash left and nobody has looked at is still to be held against what was before that.
      const isStillOpen = file.name === "undecided" || isOpen(file.size) || file.sectors.some(isOpen);
      if (earlier === undefined || !isStillOpen) this.#before.set(file.path, file);
    }
  }

  /** A file that is changed on purpose is no longer what a crash left. */
  #forget([verb = "", path = "", , target]: readonly string[]): void {
    if (!CHANGING.has(verb)) return;
    this.#before.delete(path);
    if (target !== undefined) this.#before.delete(target);
  }

  /** What the last step left. */
  #settle(): void {
    const last = this.steps.pop();
    if (last === undefined) return;
    const pictures = this.#disk?.picture();
    if (pictures === undefined) {
      this.steps.push(last);
      return;
    }
    const there = new Set(pictures.map(({ path }) => path));
    const gone = [...this.#before.values()].filter(({ path }) => !there.has(path));
    const files = [...pictures.map((file) => this.#shown(file)), ...gone.map((file) => this.#goneFile(file))];
    this.steps.push({ ...last, files: files.map((file) => this.#place(file)) });
  }

  #place(file: ShownFile): number {
    const key = JSON.stringify(file);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.files.length);
    return this.files.push(file) - 1;
  }

  #shown({ path, name, size, sectors }: FilePicture): ShownFile {
    const before = this.#before.get(path);
    const there = sectors.map((sector, i) => {
      const { certainty, bytes } = sector;
      return shownAs(certainty === "durable" ? this.#fate(bytes, before?.sectors[i]) : certainty, sector);
    });
    return {
      path,
      name,
      size: sizeText(size),
      sectors: [...there, ...this.#cutOff(size.bytes, before)],
      fields: path.endsWith(".log") ? this.#fields(Buffer.concat(sectors.map(({ bytes }) => bytes))) : [],
    };
  }

  /** A file that was there before the last crash or fault. */
  #goneFile({ path, sectors }: FilePicture): ShownFile {
    const fate = this.#gone;
    const shown = sectors.map((sector) => shownAs(fate, sector));
    return { path, name: fate, size: "it is gone", sectors: shown, fields: [] };
  }

  /** What is called what is no longer there. */
  get #gone(): Fate {
    return this.#isDamaging ? "damaged" : "lost";
  }

  /** Sectors that were there before, where the file ends sooner now. */
  #cutOff(size: number | undefined, before: FilePicture | undefined): ShownSector[] {
    if (size === undefined || before === undefined) return [];
    return before.sectors.filter(({ start }) => start >= size).map((sector) => shownAs(this.#gone, sector));
  }

  /** What became of a sector whose bytes are certain. */
  #fate(bytes: Buffer, before: FilePicture["sectors"][number] | undefined): Fate {
    if (before === undefined || bytes.equals(before.bytes)) return "durable";
    if (this.#isDamaging) return "damaged";
    const differing = [...before.bytes.keys()].filter((i) => before.bytes[i] !== before.beneath[i]);
    const isNew = (i: number): boolean => (bytes[i] ?? 0) === before.bytes[i];
    const isOld = (i: number): boolean => (bytes[i] ?? 0) === before.beneath[i];
    if (!differing.every((i) => isNew(i) || isOld(i)) || differing.every(isNew)) return "durable";
    return differing.every(isOld) ? "lost" : "torn";
  }

  /** The records from the first byte on, field by field, as far as there are records. */
  #fields(bytes: Buffer): ShownField[] {
    if (bytes.length > ANNOTATED_BYTES_MAX) return [];
    const shown: ShownField[] = [];
    for (let at = 0; at < bytes.length;) {
      const fields = fieldsOf(formatNamed(this.#format), bytes.subarray(at));
      for (const field of fields) {
        const start = at + field.at;
        const { name } = field;
        shown.push({ at: start, end: start + field.bytes.length, name, says: plainText(field.says) });
      }
      const last = shown.at(-1);
      if (last === undefined || last.end <= at || !isWhole(fields)) return shown;
      at = last.end;
    }
    return shown;
  }
}

const shownAs = (fate: Fate, { start, end, bytes }: FilePicture["sectors"][number]): ShownSector => {
  return { start, end, fate, bytes: bytes.toString("hex") };
};

function sizeText({ certainty, bytes }: FilePicture["size"]): string {
  if (bytes === undefined) return "its size is undecided";
  return certainty === "durable" ? `${bytes} bytes` : `${bytes} bytes, a size that is ${certainty}`;
}

/** What a line is, by its first word. */
const KINDS: Readonly<Partial<Record<string, StepKind>>> = {
  "--": "phase",
  shows: "engine",
  "appended,": "engine",
  "refused:": "engine",
  model: "model",
};

/** The first words of calls that change the file that they name next. */
const CHANGING: ReadonlySet<string> = new Set(["create", "write", "truncate", "rename", "remove"]);

const isWhole = (fields: ReturnType<typeof fieldsOf>): boolean =>
  fields.some(({ name, says }) => name === "crc32" && says === "matches");
