/**
 * The stand-in for Kimberlite (`model/kimberlite-writer.ts`, `model/kimberlite-reader.ts`), for tests. It is
 * first held against what Kimberlite itself wrote (`kimberlite-others.test.ts`).
 * @module
 */
export * from "../model/kimberlite-reader.ts";
export * from "../model/kimberlite-writer.ts";
