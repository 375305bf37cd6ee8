/**
 * Hypercore 10: an append-only log with a signed Merkle tree. https://github.com/holepunchto/hypercore
 * @module
 */
import { peerVersion, requirePeer } from "../peers.ts";
import type { Contestant, Log } from "./contestant.ts";

interface Core {
  ready(): Promise<void>;
  append(blocks: readonly Uint8Array[]): Promise<unknown>;
  get(index: number): Promise<Uint8Array | null>;
  createReadStream(): AsyncIterable<Uint8Array>;
  readonly length: number;
  close(): Promise<void>;
}

const Hypercore = requirePeer("hypercore") as new (directory: string) => Core;

export const hypercore: Contestant = {
  about: {
    name: "hypercore",
    version: peerVersion("hypercore"),
    use: "`append`, `createReadStream`, `get`",
    hash: "BLAKE2b Merkle tree, whose root is signed at each append",
    checksum: "CRC-32 of its operation log",
    sync: null,
    reading: "nothing of what is stored here",
    audits: false,
  },
  async open(directory): Promise<Log> {
    const core = new Hypercore(directory);
    await core.ready();
    return {
      append: (payloads) => core.append(payloads),
      async read(visit) {
        for await (const block of core.createReadStream()) visit(block.length);
      },
      async readOne(number) {
        const block = await core.get(number);
        if (block === null) throw new Error(`There is no record ${number}.`);
        return block;
      },
      count: () => core.length,
      close: () => core.close(),
    };
  },
};
