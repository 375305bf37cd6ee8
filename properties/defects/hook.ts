/**
 * The hook that loads modules with defects in them. It runs on a thread of Node.js's own.
 * @module
 */
import type { InitializeHook, LoadHook } from "node:module";
import type { Replacement } from "./apply.ts";

let sources: ReadonlyMap<string, string> = new Map();

export const initialize: InitializeHook<readonly Replacement[]> = (given) => {
  sources = new Map(given.map(({ url, source }) => [url, source]));
};

export const load: LoadHook = (url, context, nextLoad) => {
  const source = sources.get(url);
  return source === undefined ? nextLoad(url, context) : { format: "module", source, shortCircuit: true };
};
