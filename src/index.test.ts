/**
 * What the package exports is documented where it is written: what it promises, each parameter, what it
 * returns and throws, and an example that runs.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, onTestFinished, test } from "vitest";
import * as api from "./index.ts";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));

type Declaration =
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration
  | ts.ClassDeclaration
  | ts.FunctionDeclaration
  | ts.VariableStatement;
type Callable =
  ts.FunctionDeclaration | ts.MethodDeclaration | ts.MethodSignature | ts.ConstructorDeclaration;

/** Something that is exported, or a member of it. */
interface Documented {
  readonly name: string;
  readonly node: ts.Node;
}

function parsed(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
}

function declaredName(node: ts.Statement): string | undefined {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations[0]?.name.getText();
  if (
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isFunctionDeclaration(node)
  )
    return node.name?.text;
  return undefined;
}

/** What `index.ts` exports, by the name that it has there. */
function exported(): Map<string, Declaration> {
  const found = new Map<string, Declaration>();
  for (const statement of parsed(join(FOLDER, "index.ts")).statements) {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) continue;
    if (statement.exportClause === undefined || !ts.isNamedExports(statement.exportClause)) continue;
    const file = parsed(join(FOLDER, (statement.moduleSpecifier as ts.StringLiteral).text));
    for (const { name, propertyName } of statement.exportClause.elements) {
      const declared = file.statements.find((node) => declaredName(node) === (propertyName ?? name).text);
      found.set(name.text, (declared ?? expect.fail(`Nothing declares ${name.text}.`)) as Declaration);
    }
  }
  return found;
}

const EXPORTED = exported();

const docOf = (node: ts.Node): ts.JSDoc | undefined => ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
const tagsOf = (node: ts.Node, name: string): readonly ts.JSDocTag[] =>
  ts.getJSDocTags(node).filter(({ tagName }) => tagName.text === name);

const isCallable = (node: ts.Node): node is Callable =>
  ts.isFunctionDeclaration(node) ||
  ts.isMethodDeclaration(node) ||
  ts.isMethodSignature(node) ||
  ts.isConstructorDeclaration(node);

/** Whether a member is there for those who use the package. */
function isPublic(member: ts.ClassElement | ts.TypeElement): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const isHidden = (ts.getCombinedModifierFlags(member) & hidden) !== 0;
  const { name } = member;
  return (
    !isHidden && (name === undefined || (!ts.isPrivateIdentifier(name) && !ts.isComputedPropertyName(name)))
  );
}

/** Names of what a class's interfaces document already. */
function inherited(node: ts.ClassDeclaration): ReadonlySet<string> {
  const types = (node.heritageClauses ?? []).flatMap(({ types }) =>
    types.map((type) => type.expression.getText()),
  );
  const interfaces = types.map((name) => EXPORTED.get(name)).filter((each) => each !== undefined);
  return new Set(
    interfaces
      .filter(ts.isInterfaceDeclaration)
      .flatMap(({ members }) => members.map((member) => member.name?.getText() ?? "")),
  );
}

/** What is exported, and the members of it that a user sees. */
function everything(): Documented[] {
  return [...EXPORTED].flatMap(([name, node]): Documented[] => {
    if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return [{ name, node }];
    const known = ts.isClassDeclaration(node) ? inherited(node) : new Set<string>();
    const members = [...node.members]
      .filter(isPublic)
      .filter((member) => !known.has(member.name?.getText() ?? ""))
      .map((member) => ({ name: `${name}.${member.name?.getText() ?? "constructor"}`, node: member }));
    return [{ name, node }, ...members];
  });
}

const ALL = everything();

/** Whether a call gives something back. */
function returnsSomething(node: Callable): boolean {
  if (ts.isConstructorDeclaration(node)) return false;
  return !/^(?:void|Promise<void>|Answer<void>)$/.test(node.type?.getText() ?? "void");
}

/** Whether a call throws itself, or checks an argument by a guard of `options.ts`. */
const throws = (node: Callable): boolean =>
  "body" in node && /\bthrow\b|\bas[A-Z]\w+\(/.test(node.body?.getText() ?? "");

test("Everything exported says what it is, with every parameter, what is returned and what is thrown", () => {
  const lacking: string[] = [];
  for (const { name, node } of ALL) {
    const hasText = (ts.getTextOfJSDocComment(docOf(node)?.comment) ?? "").trim() !== "";
    // A constructor's class says what it makes.
    if (!hasText && !ts.isConstructorDeclaration(node)) lacking.push(`${name}: what it is`);
    if (!isCallable(node)) continue;
    const described = tagsOf(node, "param")
      .filter((tag) => (ts.getTextOfJSDocComment(tag.comment) ?? "").trim() !== "")
      .map((tag) => (tag as ts.JSDocParameterTag).name.getText());
    for (const { name: parameter } of node.parameters)
      if (!described.includes(parameter.getText())) lacking.push(`${name}: @param ${parameter.getText()}`);
    if (returnsSomething(node) && tagsOf(node, "returns").length === 0) lacking.push(`${name}: @returns`);
    const mustThrow = throws(node) || name.startsWith("StorageBackend.");
    if (mustThrow && tagsOf(node, "throws").length === 0) lacking.push(`${name}: @throws`);
  }
  expect(ALL.length).toBeGreaterThan(150);
  expect(lacking).toEqual([]);
});

/** Examples by what they are of. */
const EXAMPLES = ALL.flatMap(({ name, node }) =>
  tagsOf(node, "example").map((tag) => {
    const code = /```ts\n([^]*?)```/.exec(ts.getTextOfJSDocComment(tag.comment) ?? "")?.[1];
    return [name, code ?? expect.fail(`${name} has an example without code.`)] as const;
  }),
);

test("Every function, every class, and every interface with calls has an example", () => {
  const shown = new Set(EXAMPLES.map(([name]) => name));
  const lacking = [...EXPORTED]
    .filter(
      ([, node]) =>
        ts.isFunctionDeclaration(node) ||
        ts.isClassDeclaration(node) ||
        (ts.isInterfaceDeclaration(node) && node.members.some(ts.isMethodSignature)),
    )
    .map(([name]) => name);
  const calls = ALL.filter(({ name }) => name.startsWith("StorageBackend.")).map(({ name }) => name);
  expect([...lacking, ...calls].filter((name) => !shown.has(name))).toEqual([]);
});

const { MemoryStorage, NodeDisk, AppendPipeline, encodeRecord } = api;
const AsyncFunction = (async () => Promise.resolve()).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<unknown>;

/** What examples speak of without making it. */
async function surroundings(directory: string): Promise<Readonly<Record<string, unknown>>> {
  const storage = new MemoryStorage();
  const event = Buffer.from("event");
  const events = [event, event];
  await storage.appendBatch(1n, events);
  await storage.appendBatch(7n, events);
  const record: api.Record = {
    offset: 0n as api.Offset,
    prevHash: new Uint8Array(32),
    kind: "data",
    compression: "none",
    payload: event,
  };
  return {
    ...api,
    storage,
    stream: 1n,
    event,
    events,
    batches: [events, events],
    payload: event,
    record,
    bytes: Buffer.concat([event, event].map(() => encodeRecord(record))),
    head: new Uint8Array(32),
    disk: new NodeDisk(),
    directory,
    pipeline: new AppendPipeline(storage, 7n),
    project: () => undefined,
    retryFrom: () => undefined,
    print: () => undefined,
  };
}

/** An example as a program: what a comment says that an expression is, is asserted. */
function program(code: string, directory: string): string {
  const checked = code
    .replaceAll("/data", directory)
    .replaceAll(
      /^([^/\n]*[^/\n{}]); \/\/ (true|false|undefined|\d+n?)$/gm,
      (_, expression: string, value: string) => `expect(${expression}).toBe(${value});`,
    );
  const { ES2022 } = ts.ModuleKind;
  return ts.transpileModule(checked, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ES2022 } })
    .outputText;
}

describe("The examples run", () => {
  test.each(EXAMPLES)("%s", async (_, code) => {
    const directory = mkdtempSync(join(tmpdir(), "example-"));
    onTestFinished(() => {
      rmSync(directory, { recursive: true });
    });
    const given = { ...(await surroundings(directory)), expect };
    const run = new AsyncFunction(...Object.keys(given), `{${program(code, directory)}}`);
    await run(...Object.values(given));
  });
});
