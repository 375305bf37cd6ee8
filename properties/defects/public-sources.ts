/**
 * Where mistakes like the seeded ones were made or described in public, if several have one source.
 * @module
 */

export const KIMBERLITE = "Kimberlite 0.8";
export const ALICE = 'Pillai et al., "All File Systems Are Not Created Equal", OSDI \'14';
export const FSYNC = 'Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC \'20';
