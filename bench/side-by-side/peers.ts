/**
 * The peers: packages that `bench/package.json` names and that `npm run bench` uses if they are installed.
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** What installs them, at the top of the repository. */
export const INSTALLING = "npm ci --prefix bench";

export const PEER_NAMES = ["lmdb", "classic-level", "better-sqlite3", "hypercore"] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** From the top of the repository, where `npm run bench` runs. */
const MODULES = path.resolve("bench/node_modules");
const packageFile = (name: PeerName): string => path.join(MODULES, name, "package.json");

/** Whether it is there. */
export const isInstalled = (name: PeerName): boolean => existsSync(packageFile(name));

/** What it exports: of a type of our own, as the package need not be there when this is compiled. */
export const requirePeer = (name: PeerName): unknown =>
  createRequire(path.join(MODULES, "..", "package.json"))(name);

export function peerVersion(name: PeerName): string {
  return (JSON.parse(readFileSync(packageFile(name), "utf8")) as { version: string }).version;
}
