/**
 * Keeps what was made last, for the runs on one thing come one after the other.
 * @module
 */
export class SingleEntryCache<T> {
  #kept: { readonly key: string; readonly made: T } | undefined;

  /** @param key equal keys, equal things */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    if (this.#kept?.key !== key) this.#kept = { key, made: await make() };
    return this.#kept.made;
  }
}
