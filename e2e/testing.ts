/**
 * What tests of the engine share: directories that go away again, what a call failed with, and records in a
 * form that shows well.
 * @module
 */
import fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect } from "vitest";
import { Storage, type StorageOptions } from "../src/index.ts";

const SHARED_MEMORY = "/dev/shm";
const ROOM_BYTES = 2 ** 31;

/**
 * Where files are kept in memory, if there is such a place with room: there a sync costs nothing. Otherwise
 * the system's directory for temporary files.
 */
function inMemory(): string {
  try {
    const { bavail, bsize } = fs.statfsSync(SHARED_MEMORY);
    fs.accessSync(SHARED_MEMORY, fs.constants.W_OK);
    return bavail * bsize >= ROOM_BYTES ? SHARED_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** Makes directories, by default in memory; after each test they are removed. */
export function temporaryDirectories(parent: string = inMemory()): () => string {
  const made: string[] = [];
  afterEach(() => {
    for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
  });
  return () => {
    const directory = fs.mkdtempSync(path.join(parent, "kimberlite-"));
    made.push(directory);
    return directory;
  };
}

/** Opens storages, with these options unless it is told others; after each test they are closed. */
export function openedStorages(
  byDefault: StorageOptions = {},
): (directory: string, options?: StorageOptions) => Promise<Storage> {
  const opened: Storage[] = [];
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close();
  });
  return async (directory, options) => {
    const storage = await Storage.open(directory, { ...byDefault, ...options });
    opened.push(storage);
    return storage;
  };
}

/** What a call failed with, thrown or rejected; a test that expected a failure fails if there is none. */
export async function failureOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  return expect.fail("It was to fail and did not.");
}

/** The fields that an engine's record and one made by hand have in common. */
interface AnyRecord {
  readonly offset: bigint;
  readonly kind: string;
  readonly prevHash: Uint8Array;
  readonly payload: Uint8Array;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** A record in one line: what differs shows, and what kind of array holds it does not. */
export const shown = ({ offset, kind, prevHash, payload }: AnyRecord): string =>
  `${String(offset)} ${kind} after ${hexOf(prevHash)}: ${hexOf(payload)}`;

/** The content of every file below a directory, by its path from there. */
export function filesIn(directory: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(path.relative(directory, file), fs.readFileSync(file));
  }
  return files;
}

/** Makes a directory hold exactly these files. */
export function restore(directory: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const name of filesIn(directory).keys()) if (!files.has(name)) fs.rmSync(path.join(directory, name));
  for (const [name, bytes] of files) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), bytes);
  }
}

/** A copy of `bytes` in which one bit, counted from the lowest of the first byte, is the other way round. */
export function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[bit >>> 3] = (copy[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
