/**
 * One conversation between the check and an engine, and between that engine and its disk. The engine runs
 * only where something is new.
 *
 * As long as everything was heard before, the calls that an engine made then are made to the disk, which
 * decides, changes and tells those who watch it what it would; and the answers that the engine gave then are
 * given. At the first answer of the disk that is new, an engine is run: it is told the answers so far, and
 * goes on with the disk itself.
 * @module
 */
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";
import type { Counts } from "../tally.ts";
import { Performer } from "./disk-calls.ts";
import { type Question, RunningEngine, type Start } from "./running-engine.ts";
import type { ConversationTree, Place, Result } from "./tree.ts";

export class Conversation {
  readonly #tree: ConversationTree;
  readonly #start: Start;
  readonly #performer: Performer;
  readonly #begin: Place;
  #place: Place;
  readonly #asked: Question[] = [];
  /** What the disk answered so far. */
  readonly #heard: string[] = [];
  #engine: RunningEngine | undefined;

  /**
   * @param counts where the engine runs from the beginning, heard before or not, and is counted as a check
   */
  constructor(tree: ConversationTree, disk: SimulatedDisk, start: Start, counts: Counts | undefined) {
    this.#tree = tree;
    this.#start = start;
    this.#performer = new Performer(disk);
    this.#begin = tree.begin();
    this.#place = this.#begin;
    if (counts !== undefined) this.#engine = this.#run(counts);
  }

  /** Asks the engine. @throws what the engine throws; Violation; and what the disk throws besides failing */
  async ask(text: string, put: Question["put"]): Promise<unknown> {
    const question = { text, put };
    const result = await (this.#engine?.ask(question) ?? this.#repeat(question));
    this.#asked.push(question);
    if (!result.ok) throw result.error;
    return result.value;
  }

  #repeat(question: Question): Result | Promise<Result> {
    let place = this.#place.next.get(question.text);
    while (place?.call !== undefined) {
      const answer = this.#performer.perform(place.call);
      this.#heard.push(answer);
      place = place.next.get(answer);
    }
    if (place?.result === undefined) return this.#goOn(question);
    this.#place = place;
    return place.result;
  }

  /** Something is new. */
  async #goOn(question: Question): Promise<Result> {
    const engine = this.#run();
    for (const asked of this.#asked) await engine.ask(asked);
    this.#engine = engine;
    return engine.ask(question);
  }

  #run(counts?: Counts): RunningEngine {
    this.#tree.ran += 1;
    return new RunningEngine(this.#tree, this.#begin, this.#start, this.#heard, this.#performer, counts);
  }
}
