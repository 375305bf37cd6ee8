/**
 * How the pages look: in light and in dark, on wide screens and narrow ones, and on paper.
 * @module
 */

/** The style sheet. Colours of text have a contrast of 4.5 at least (WCAG 2.2, 1.4.3). */
export const STYLE = `
:root {
  --page: #ffffff; --raised: #f5f7f9; --line: #d3dae1; --text: #17212b; --quiet: #51606e; --link: #0b57a4;
  --good: #17663a; --good-page: #e3f4ea; --bad: #a3191f; --bad-page: #fdeaea; --doubt: #7a4b00; --doubt-page: #fdf1dc;
  --keyword: #8a1a6a; --string: #17663a; --number: #0b57a4;
  --pending: #ffe08a; --lost: #f3b4b4; --torn: #f7a35c; --clean: #d9c7f0; --undecided: #c3d9f2; --durable: #b9dfc6; --changed: #0b57a4;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12171d; --raised: #1b232c; --line: #35414d; --text: #e4e9ee; --quiet: #a5b2bf; --link: #7fb9f5;
    --good: #7fd6a1; --good-page: #12301f; --bad: #ff9c9c; --bad-page: #3a1618; --doubt: #f2c063; --doubt-page: #33260d;
    --keyword: #e59acb; --string: #8fd6a6; --number: #8fc3f7;
    --pending: #6a5200; --lost: #6f2a2a; --torn: #7d4513; --clean: #4b3a6b; --undecided: #24476b; --durable: #1f4d31; --changed: #7fb9f5;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 7rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
main { padding-bottom: 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 .75rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 0; }
h4 { font-size: .875rem; margin: 1rem 0 .25rem; color: var(--quiet); }
p { margin: .5rem 0; }
a { color: var(--link); }
code, pre, kbd { font: .8125rem/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; background: var(--page); border: 1px solid var(--line); border-radius: .25rem; padding: .5rem .75rem; margin: .25rem 0; }
.verdict { padding: .75rem 1rem; border-radius: .375rem; font-size: 1.125rem; border-left: .375rem solid; }
.verdict.holds, .badge.holds { background: var(--good-page); color: var(--good); }
.verdict.violated, .badge.violated { background: var(--bad-page); color: var(--bad); }
.verdict.incomplete, .badge.incomplete { background: var(--doubt-page); color: var(--doubt); }
.badge { display: inline-block; border-radius: 1rem; padding: 0 .625rem; font-size: .8125rem; white-space: nowrap; }
.quiet { color: var(--quiet); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: .75rem 0; }
.find { position: sticky; top: 0; z-index: 1; background: var(--page); border-bottom: 1px solid var(--line); }
.find form { max-width: 76rem; margin: 0 auto; padding: .5rem 1rem; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
input, select, button { font: inherit; color: var(--text); background: var(--raised); border: 1px solid var(--quiet); border-radius: .25rem; padding: .25rem .5rem; }
input[type="search"] { flex: 1 1 12rem; min-width: 0; }
button { cursor: pointer; }
button:disabled { cursor: default; color: var(--quiet); border-color: var(--line); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
.entry { background: var(--raised); border: 1px solid var(--line); border-radius: .375rem; padding: .75rem 1rem; margin: .75rem 0; }
.entry > .name { display: flex; gap: .25rem .75rem; align-items: baseline; justify-content: space-between; }
.entry h3 a { text-decoration: none; color: inherit; }
.entry :target, .entry:target, tr:target { outline: 2px solid var(--link); }
details { margin: .375rem 0; }
summary { cursor: pointer; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .25rem; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .625rem; border-bottom: 1px solid var(--line); }
th { background: var(--raised); white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
img { max-width: 100%; height: auto; background: white; border-radius: .25rem; }
.sides { display: grid; grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); gap: 1rem; max-width: 100rem; }
.sides > section { overflow: auto; }
.sides h2 { margin-top: .5rem; }
.steps { margin: .5rem 0; padding: 0 0 0 2.5rem; font-size: .875rem; }
.steps button { width: 100%; text-align: left; vertical-align: top; border: 0; background: none; padding: .0625rem .5rem; white-space: pre-wrap; overflow-wrap: anywhere; font: .8125rem/1.5 ui-monospace, monospace; }
.steps button[aria-current] { background: var(--raised); outline: 2px solid var(--link); }
.steps .phase { font-weight: bold; margin-top: .5rem; }
.steps .choice { color: var(--link); }
.steps .model { color: var(--good); }
.steps .engine { color: var(--keyword); }
.steps .call { color: var(--quiet); }
.both { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 0 1rem; }
.both pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.entry.changed { border-color: var(--changed); }
.entry h3 { overflow-wrap: anywhere; }
.sector { border-left: .375rem solid var(--line); padding-left: .5rem; margin: .375rem 0; }
.sector p { margin: 0; font-size: .8125rem; }
.fate { border-radius: 1rem; padding: 0 .5rem; color: var(--text); font-size: .8125rem; background: var(--line); }
.fates { list-style: none; padding: 0; }
.fate.durable { background: var(--durable); } .sector.durable { border-color: var(--durable); }
.fate.pending { background: var(--pending); } .sector.pending { border-color: var(--pending); }
.fate.clean { background: var(--clean); } .sector.clean { border-color: var(--clean); }
.fate.undecided { background: var(--undecided); } .sector.undecided { border-color: var(--undecided); }
.fate.lost, .fate.damaged { background: var(--lost); } .sector.lost, .sector.damaged { border-color: var(--lost); }
.fate.torn { background: var(--torn); } .sector.torn { border-color: var(--torn); }
@media (min-width: 60.01rem) {
  body:has(.sides) { display: grid; grid-template-rows: minmax(0, max-content) max-content minmax(0, 1fr); height: 100vh; }
  body:has(.sides) > * { width: 100%; }
  body:has(.sides) > header { max-width: none; max-height: 50vh; overflow: auto; }
  body:has(.sides) .find form { max-width: none; }
  .sides { max-width: none; padding-bottom: 0; }
}
@media (max-width: 60rem) {
  .sides { grid-template-columns: minmax(0, 1fr); }
  .sides > section { position: static; max-height: 45vh; border: 1px solid var(--line); padding: 0 .5rem; }
}
[hidden] { display: none !important; }
.hljs-keyword, .hljs-literal { color: var(--keyword); }
.hljs-string, .hljs-regexp, .hljs-subst { color: var(--string); }
.hljs-number, .hljs-title { color: var(--number); }
.hljs-comment { color: var(--quiet); }
@media print { .find, nav { display: none; } .entry { break-inside: avoid; } }
`;
