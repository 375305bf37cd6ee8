/**
 * What the units of the check cost, by kind, and how evenly shards would be loaded: the numbers in
 * `properties/unit-costs.ts` come from here.
 *
 * `npm run bench:units -- [PROFILE] [FORMAT] [--every=N]`, where of each kind every N-th unit is measured. In
 * CPU time of one thread, as other processes must not count.
 * @module
 */
import { ConversationTree } from "../properties/conversations/tree.ts";
import { survey } from "../properties/crashes/survey.ts";
import { searchUnit, type Unit, unitsOf } from "../properties/parts.ts";
import { sharesOf } from "../properties/shards.ts";
import { costOf, kindOf, measureOf } from "../properties/unit-costs.ts";
import { asked } from "./arguments.ts";

const SHARDS = [2, 4, 8, 16, 64] as const;

const { bounds, every } = asked();

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

const units: Unit[] = [];
const began = cpuMicroseconds();
for (const part of bounds.parts) {
  if (part !== "crashes") units.push(...(await unitsOf(bounds, part)));
  else units.push(...(await survey(bounds)).units.map((crashes) => ({ part, crashes }) as const));
}
console.log(`survey and lists: ${((cpuMicroseconds() - began) / 1e6).toFixed(1)} s`);

/** All units of a kind, and what those took that were measured. */
interface Kind {
  readonly units: Unit[];
  readonly measured: Map<Unit, number>;
}

const kinds = new Map<string, Kind>();
for (const unit of units) {
  const kind = kinds.get(kindOf(unit, bounds.format)) ?? { units: [], measured: new Map<Unit, number>() };
  kinds.set(kindOf(unit, bounds.format), kind);
  kind.units.push(unit);
}
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, one) => total + one, 0);
const tree = new ConversationTree();
const rates = new Map<string, number>();
for (const [name, { units, measured }] of kinds) {
  for (let i = 0; i < units.length; i += every) {
    const unit = units[i];
    if (unit === undefined) break;
    const start = cpuMicroseconds();
    await searchUnit(bounds, unit, tree);
    measured.set(unit, cpuMicroseconds() - start);
  }
  const rate = sum(measured.values()) / sum([...measured.keys()].map(measureOf));
  rates.set(name, rate);
  const most = Math.max(...measured.values()) / 1e6;
  const total = (rate * sum(units.map(measureOf))) / 1e6;
  console.log(
    `  ${JSON.stringify(name)}: ${Math.ceil(rate)}, // ${units.length} units, ${total.toFixed(1)} s, the longest ${most.toFixed(1)} s`,
  );
}

const costs = units.map((unit) => {
  const name = kindOf(unit, bounds.format);
  return kinds.get(name)?.measured.get(unit) ?? (rates.get(name) ?? 0) * measureOf(unit);
});
const total = sum(costs);
console.log(`in all: ${(total / 1e6).toFixed(1)} s`);
const estimates = units.map((unit) => costOf(unit, bounds.format));
for (const of of SHARDS) {
  const shares = sharesOf(estimates, of);
  const loads = Array.from({ length: of }, () => 0);
  for (const [i, share] of shares.entries()) loads[share - 1] = (loads[share - 1] ?? 0) + (costs[i] ?? 0);
  const most = Math.max(...loads);
  console.log(
    `${of} shards: the longest takes ${(most / 1e6).toFixed(1)} s, ${((most * of) / total).toFixed(2)} times the mean`,
  );
}
