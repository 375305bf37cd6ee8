/**
 * Who takes part, by name. A contestant is loaded where it is used, as a peer need not be installed.
 * @module
 */
import type { PeerName } from "../peers.ts";
import type { Contestant } from "./contestant.ts";

export const OWN_NAMES = ["floor", "plain", "sentinel"] as const;
export type ContestantName = (typeof OWN_NAMES)[number] | PeerName;

const LOADERS: Readonly<Record<ContestantName, () => Promise<Contestant>>> = {
  floor: async () => (await import("./floor.ts")).floor,
  plain: async () => (await import("./engine.ts")).engine("plain"),
  sentinel: async () => (await import("./engine.ts")).engine("sentinel"),
  lmdb: async () => (await import("./lmdb.ts")).lmdb,
  "classic-level": async () => (await import("./classic-level.ts")).classicLevel,
  "better-sqlite3": async () => (await import("./better-sqlite3.ts")).betterSqlite3,
  hypercore: async () => (await import("./hypercore.ts")).hypercore,
};

/** Loads a contestant. @throws Error if it is a peer that is not installed */
export const contestantNamed = (name: ContestantName): Promise<Contestant> => LOADERS[name]();
