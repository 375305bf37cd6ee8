// An event store: bank accounts, one stream each. The state of an account is a fold over its events, and
// `expectedOffset` keeps two commands that were decided on the same state from both taking effect.
//
//     node examples/event-store.mjs DIRECTORY
import { Storage, StorageError } from "kimberlite-storage";

const decode = (payload) => JSON.parse(Buffer.from(payload).toString());
const encode = (event) => Buffer.from(JSON.stringify(event));

/** Folds the events of an account: its balance, and the offset at which the next event belongs. */
async function load(storage, account) {
  let balance = 0;
  let nextOffset = 0n;
  for await (const { kind, payload, offset } of storage.iterate(account)) {
    nextOffset = offset + 1n;
    // Checkpoints are records, too.
    if (kind === "data") balance += decode(payload).amount;
  }
  return { balance, nextOffset };
}

/**
 * Decides on the state, and appends only if nobody has appended since. Tries again with the new state if
 * somebody has.
 */
async function withdraw(storage, account, amount) {
  for (;;) {
    const { balance, nextOffset } = await load(storage, account);
    if (balance < amount) return `refused: ${balance} is less than ${amount}`;
    try {
      await storage.appendBatch(account, [encode({ amount: -amount })], { expectedOffset: nextOffset });
      return `withdrew ${amount}`;
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "offset-mismatch")) throw error;
    }
  }
}

const storage = await Storage.open(process.argv[2] ?? "/tmp/kimberlite-accounts");
const account = 7n;
await storage.appendBatch(account, [encode({ amount: 100 })]);
// Both see a balance of 100; one of them finds that the other was faster and decides again.
console.log((await Promise.all([withdraw(storage, account, 80), withdraw(storage, account, 80)])).join(", "));
console.log(`balance ${(await load(storage, account)).balance}`);
await storage.close();
