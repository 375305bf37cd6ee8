/**
 * `npm run docs`: writes the documents that are made by code, from the top of the repository.
 * @module
 */
import { writeFileSync } from "node:fs";
import { DOCUMENTS } from "./list.ts";

for (const { path, render } of DOCUMENTS) {
  writeFileSync(path, await render());
  console.log(path);
}
