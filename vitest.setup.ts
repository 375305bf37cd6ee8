import fc from "fast-check";

// A failure prints its seed and path; FC_SEED=... FC_PATH=... npx vitest run -t NAME replays it.
const { FC_SEED, FC_PATH, FC_NUM_RUNS } = process.env;
fc.configureGlobal({
  ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
  ...(FC_PATH === undefined ? {} : { path: FC_PATH, endOnFailure: true }),
  ...(FC_NUM_RUNS === undefined ? {} : { numRuns: Number(FC_NUM_RUNS) }),
});

// Where CI runs the tests, what they start must not write to the page of that run.
delete process.env["GITHUB_ACTIONS"];
delete process.env["GITHUB_STEP_SUMMARY"];
