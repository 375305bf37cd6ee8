// The program's part in an erasure request: what may have to be erased is appended with salt, and is hidden
// on request.
//
//     node examples/erasure-request.mjs append DIRECTORY TEXT
//     node examples/erasure-request.mjs hide DIRECTORY OFFSET
//     node examples/erasure-request.mjs read DIRECTORY
import { randomBytes } from "node:crypto";
import { Storage, withoutSalt, withSalt } from "kimberlite-storage";

const customers = 1n;
const [task, directory, argument] = process.argv.slice(2);
const storage = await Storage.open(directory);
if (task === "append") {
  // Other salt for each record: without it, whoever guesses the text can confirm the guess by the hash that
  // stays.
  await storage.appendBatch(customers, [withSalt(Buffer.from(argument), randomBytes(16))]);
} else if (task === "hide") {
  await storage.tombstone(customers, BigInt(argument), 1n); // durable when it resolves
} else {
  for (const payload of await storage.readFrom(customers, 0n, Infinity))
    console.log(Buffer.from(withoutSalt(payload)).toString());
}
await storage.close();
