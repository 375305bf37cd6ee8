// A property test of one's own, over `MemoryStorage`: it answers as `Storage` does and keeps nothing.
import { fc, test } from "@fast-check/vitest";
import { MemoryStorage } from "kimberlite-storage";
import { expect } from "vitest";

/** The program under test: counts of articles, kept as a stream of events. */
class Stock {
  #storage;
  constructor(storage) {
    this.#storage = storage;
  }

  async add(article, count) {
    await this.#storage.appendBatch(1n, [Buffer.from(JSON.stringify({ article, count }))]);
  }

  async count(article) {
    let sum = 0;
    for await (const { payload } of this.#storage.iterate(1n)) {
      const event = JSON.parse(Buffer.from(payload).toString());
      if (event.article === article) sum += event.count;
    }
    return sum;
  }
}

const event = fc.record({ article: fc.constantFrom("nut", "bolt", "washer"), count: fc.integer() });

test.prop([fc.array(event, { maxLength: 20 })])("A count is the sum of what was added", async (events) => {
  const stock = new Stock(new MemoryStorage());
  for (const { article, count } of events) await stock.add(article, count);
  for (const article of ["nut", "bolt", "washer"]) {
    const added = events.filter((one) => one.article === article).map(({ count }) => count);
    expect(await stock.count(article)).toBe(added.reduce((sum, count) => sum + count, 0));
  }
});
