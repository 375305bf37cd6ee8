/**
 * The hook that loads one module with a defect in it. It runs on a thread of Node.js's own.
 * @module
 */
import type { InitializeHook, LoadHook } from "node:module";
import type { Replacement } from "./apply.ts";

let replacement: Replacement | undefined;

export const initialize: InitializeHook<Replacement> = (given) => {
  replacement = given;
};

export const load: LoadHook = (url, context, nextLoad) =>
  url === replacement?.url
    ? { format: "module", source: replacement.source, shortCircuit: true }
    : nextLoad(url, context);
