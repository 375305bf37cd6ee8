/**
 * For `node --import`: whatever runs then has the defect in it that the file named by the environment
 * variable describes. Worker threads inherit both.
 * @module
 */
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { REPLACEMENT_VARIABLE } from "./defect.ts";

const file = process.env[REPLACEMENT_VARIABLE];
if (file === undefined) throw new Error(`${REPLACEMENT_VARIABLE} names no file.`);
register("./hook.js", import.meta.url, { data: JSON.parse(readFileSync(file, "utf8")) as unknown });
