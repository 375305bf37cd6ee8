/**
 * What engines under test asked of their disks, what they were told, and what they answered then: a tree, in
 * which conversations that begin alike are one.
 * @module
 */
import type { DiskCall } from "./disk-calls.ts";

/** What an engine gave back, or threw. */
export type Result =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/**
 * A place in a conversation. Either a call to the disk comes next, or the result of what the engine was
 * asked; a place where nobody has been has neither.
 */
export class Place {
  call: DiskCall | undefined = undefined;
  result: Result | undefined = undefined;
  /**
   * What comes after it: by the answer of the disk to the call, or by what the engine is asked after the
   * result.
   */
  readonly next: Map<string, Place> = new Map<string, Place>();
}

/** At about 200 bytes each, some hundred megabytes. */
const PLACES_MAX = 1_000_000;

/** All conversations since there were too many of them. */
export class ConversationTree {
  /** Conversations begun, and how many of these an engine ran for. */
  begun = 0;
  ran = 0;
  readonly #placesMax: number;
  #root = new Place();
  #places = 0;

  /**
   * @param placesMax how many places are kept: when a conversation begins and there are more, all are
   *   forgotten
   */
  constructor(placesMax: number = PLACES_MAX) {
    this.#placesMax = placesMax;
  }

  /** Where a conversation begins. */
  begin(): Place {
    this.begun += 1;
    if (this.#places > this.#placesMax) {
      this.#root = new Place();
      this.#places = 0;
    }
    return this.#root;
  }

  /** What comes after a place when this is said there. */
  after(place: Place, said: string): Place {
    let next = place.next.get(said);
    if (next === undefined) {
      next = new Place();
      place.next.set(said, next);
      this.#places += 1;
    }
    return next;
  }
}
