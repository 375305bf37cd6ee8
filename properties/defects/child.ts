/**
 * The process that has a defect in it: searches for what its argument says, and tells on standard output what was found.
 * @module
 */
import type { Defect } from "./defect.ts";
import { search } from "./search.ts";

const defect = JSON.parse(process.argv[2] ?? "") as Defect;
process.stdout.write(JSON.stringify(await search(defect)));
