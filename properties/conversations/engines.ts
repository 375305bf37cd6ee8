/**
 * Engines under test that run only where they are asked or told something new.
 * @module
 */
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import type { Disk, Record, Storage } from "../../src/index.ts";
import type { Bounds } from "../bounds.ts";
import { openEngine } from "../engine.ts";
import { type Counts, emptyCounts } from "../tally.ts";
import { Conversation } from "./conversation.ts";
import type { ConversationTree } from "./tree.ts";

/** What the check asks an engine. */
export type EngineUnderTest = Pick<
  Storage,
  | "appendBatch"
  | "appendCheckpoint"
  | "close"
  | "compact"
  | "head"
  | "iterate"
  | "readFrom"
  | "readRecords"
  | "status"
  | "streams"
  | "sync"
  | "tombstone"
>;

/** Opens engines on simulated disks. */
export interface Engines {
  open(disk: SimulatedDisk): Promise<EngineUnderTest>;
}

/** Every engine runs. */
export function runningEngines(bounds: Bounds): Engines {
  return { open: (disk) => openEngine(disk, bounds) };
}

/** Engines run where a conversation is new to the tree, which is of engines with these bounds only. */
export function heardEngines(bounds: Bounds, tree: ConversationTree): HeardEngines {
  return new HeardEngines(tree, (disk) => openEngine(disk, bounds));
}

/**
 * One conversation in so many is run whether it was heard before or not. Counted, not drawn, so that it is
 * the same ones in every run of a unit.
 */
const RUN_EVERY = 100;

/**
 * An engine runs where the conversation is new to the tree; and once in `RUN_EVERY`, to be held against what
 * was heard.
 */
export class HeardEngines implements Engines {
  readonly #tree: ConversationTree;
  readonly #start: (disk: Disk) => Promise<Storage>;
  #opened = 0;
  /** The checks of engines that ran to be held against what was heard. */
  readonly counts: Counts = emptyCounts();

  /** @param tree of conversations of such engines only */
  constructor(tree: ConversationTree, start: (disk: Disk) => Promise<Storage>) {
    this.#tree = tree;
    this.#start = start;
  }

  async open(disk: SimulatedDisk): Promise<EngineUnderTest> {
    this.#opened += 1;
    const runs = this.#opened % RUN_EVERY === 0;
    const conversation = new Conversation(this.#tree, disk, this.#start, runs ? this.counts : undefined);
    await conversation.ask("open", () => Promise.resolve());
    return new HeardEngine(conversation);
  }
}

class HeardEngine implements EngineUnderTest {
  readonly #conversation: Conversation;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  appendBatch(...args: Parameters<Storage["appendBatch"]>): ReturnType<Storage["appendBatch"]> {
    return this.#ask("appendBatch", args);
  }

  appendCheckpoint(
    ...args: Parameters<Storage["appendCheckpoint"]>
  ): ReturnType<Storage["appendCheckpoint"]> {
    return this.#ask("appendCheckpoint", args);
  }

  tombstone(...args: Parameters<Storage["tombstone"]>): ReturnType<Storage["tombstone"]> {
    return this.#ask("tombstone", args);
  }

  compact(...args: Parameters<Storage["compact"]>): ReturnType<Storage["compact"]> {
    return this.#ask("compact", args);
  }

  close(): ReturnType<Storage["close"]> {
    return this.#ask("close", []);
  }

  head(...args: Parameters<Storage["head"]>): ReturnType<Storage["head"]> {
    return this.#ask("head", args);
  }

  /** Asked for all of it at once. */
  async *iterate(...args: Parameters<Storage["iterate"]>): ReturnType<Storage["iterate"]> {
    const records = await this.#conversation.ask(`iterate${textOf(args)}`, (storage) =>
      allOf(storage.iterate(...args)),
    );
    yield* records as Record[];
    return undefined;
  }

  readFrom(...args: Parameters<Storage["readFrom"]>): ReturnType<Storage["readFrom"]> {
    return this.#ask("readFrom", args);
  }

  readRecords(...args: Parameters<Storage["readRecords"]>): ReturnType<Storage["readRecords"]> {
    return this.#ask("readRecords", args);
  }

  status(...args: Parameters<Storage["status"]>): ReturnType<Storage["status"]> {
    return this.#ask("status", args);
  }

  streams(): ReturnType<Storage["streams"]> {
    return this.#ask("streams", []);
  }

  sync(...args: Parameters<Storage["sync"]>): ReturnType<Storage["sync"]> {
    return this.#ask("sync", args);
  }

  #ask<Name extends Exclude<keyof EngineUnderTest, "iterate">>(
    name: Name,
    args: Parameters<EngineUnderTest[Name]>,
  ): ReturnType<EngineUnderTest[Name]> {
    const answer = this.#conversation.ask(name + textOf(args), (storage) =>
      (storage[name] as (this: Storage, ...given: readonly unknown[]) => Promise<unknown>).apply(
        storage,
        args,
      ),
    );
    return answer as ReturnType<EngineUnderTest[Name]>;
  }
}

/** Everything that an iteration gives. */
export async function allOf<T>(given: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of given) all.push(one);
  return all;
}

/** Arguments as text: equal texts, equal arguments. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `<${value.length} ${Buffer.from(value).toString("latin1")}>`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
  const named = Object.entries(value).map(([name, inner]) => `${name}:${textOf(inner)}`);
  return `{${named.join()}}`;
}
