/**
 * The process that has defects in it: searches for what its argument says, and tells on standard output what
 * was found.
 * @module
 */
import type { Searched } from "./defect.ts";
import { search } from "./search.ts";

const { counts, ...caught } = await search(JSON.parse(process.argv[2] ?? "") as Searched);
const { crashStates, left } = counts;
process.stdout.write(
  JSON.stringify({ caught, counts: { ...counts, crashStates: String(crashStates), left: String(left) } }),
);
