/**
 * The commands and options of `kmb`. Every bound of the check has a flag; a profile is a named set of them. A command is loaded when it is
 * called, so that an audit does not hold the checker in memory.
 * @module
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Bounds,
  boundsSchema,
  PART_NAMES,
  PROFILE_NAMES,
  profileOf,
  type ProfileName,
} from "../properties/bounds.ts";
import { OPERATIONS } from "../properties/operations.ts";
import { MAX_STREAM_ID } from "../src/limits.ts";
import type { AnchorOptions } from "./anchor.ts";
import type { AuditCommandOptions } from "./audit.ts";
import type { CheckOptions } from "./check.ts";
import type { DumpOptions } from "./dump.ts";
import { Output } from "./output.ts";
import type { RepairOptions } from "./repair.ts";

/** A whole number that is at least `min`. */
function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`);
    }
    return value;
  };
}

/** A stream's number, as text: it may be larger than what a number holds. */
function streamId(text: string): string {
  if (!/^(0|[1-9]\d{0,19})$/.test(text) || BigInt(text) > MAX_STREAM_ID) {
    throw new InvalidArgumentError("A stream is named by an unsigned 64-bit integer.");
  }
  return text;
}

const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

const workersOption = (): Option =>
  new Option("--workers <n>", "threads; makes no difference to the result")
    .argParser(wholeNumber(1))
    .default(availableParallelism());

const BOUND_OPTIONS: readonly Option[] = [
  new Option("--parts <names>", `comma-separated parts: ${PART_NAMES.join(", ")}`).argParser((text) =>
    text.split(","),
  ),
  new Option("--length <n>", "workloads are all sequences of up to n operations").argParser(wholeNumber(1)),
  new Option("--operations <names>", "comma-separated operations").argParser((text) => text.split(",")),
  new Option("--persistence <model>", "what a crash may leave").choices([
    "posix",
    "ordered-metadata",
    "prefix",
  ]),
  new Option("--sector-bytes <n>", "what reaches the medium as a whole").argParser(wholeNumber(1)),
  new Option("--torn-sectors", "a sector may be cut anywhere"),
  new Option("--format <name>", "how records are laid out and chained").choices(["plain", "sentinel"]),
  new Option("--durability <mode>", "what an acknowledgement of the engine proves").choices([
    "standard",
    "strict",
  ]),
  new Option("--compression <codec>", "how the engine stores payloads").choices(["none", "lz4", "zstd"]),
  new Option("--fault-length <n>", "single faults: in all sequences of up to n operations").argParser(
    wholeNumber(1),
  ),
  new Option("--recovery-crashes <n>", "how many crashes deep recovery is crashed").argParser(wholeNumber(0)),
  new Option("--max-segment-bytes <n>", "size at which a segment ends").argParser(wholeNumber(1)),
  new Option("--checkpoint-every <n>", "offsets between checkpoints; 0 for none").argParser(wholeNumber(0)),
  new Option("--index-log-max-entries <n>", "entries after which an index is saved").argParser(
    wholeNumber(1),
  ),
  new Option("--read-chunk-bytes <n>", "how much the engine reads at a time").argParser(wholeNumber(1)),
  new Option("--recoveries-max <n>", "recoveries behind one crash at most").argParser(wholeNumber(1)),
  new Option("--steps-max <n>", "disk calls in one life of the process at most").argParser(wholeNumber(1)),
  new Option("--tampered-records <n>", "logs of up to n records are tampered with").argParser(wholeNumber(1)),
  new Option("--symbolic-records <n>", "records of a log over symbolic hashes").argParser(wholeNumber(1)),
  new Option("--symbolic-blocks <n>", "blocks in all payloads of such a log").argParser(wholeNumber(0)),
  new Option("--flipped-bits <n>", "up to n bits flipped in a record, everywhere").argParser(wholeNumber(1)),
  new Option("--burst-bits <n>", "bursts of up to n bits in a record, all of them").argParser(wholeNumber(2)),
  new Option("--short-bytes <n>", "all inputs of up to n bytes to every reader").argParser(wholeNumber(0)),
  new Option("--fuzz-inputs <n>", "inputs drawn for the readers of stored bytes").argParser(wholeNumber(1)),
  new Option("--fuzz-seed <n>", "what drawn inputs are drawn with").argParser(wholeNumber(0)),
  new Option("--drawn-payloads <n>", "payloads drawn for the codecs").argParser(wholeNumber(1)),
];

const CHECK_HELP = `
Operations: ${OPERATIONS.map(({ name }) => name).join(", ")}

Exit status:
  0  every invariant holds and the run was complete
  1  an invariant is violated; the counterexample is in a file
  2  wrong usage, or an error of the checker
  3  nothing is violated, but the run was not complete

Examples:
  kmb check --profile quick
  kmb check --json result.json
  kmb check --length 2 --torn-sectors`;

/** The package's version: `package.json` is two folders above this file once it is compiled, in a checkout and installed. */
function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The command line, ready to parse. Throws `CommanderError` where commander would exit. */
export function program(): Command {
  const kmb = new Command("kmb")
    .description(
      "Checks kimberlite-storage, its engine beside its model, under every crash; verifies data directories.",
    )
    .version(version(), "--version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        new Output().write(text);
      },
    })
    .configureHelp({ showGlobalOptions: true });

  const checking = kmb
    .command("check")
    .description("run the bounded exhaustive check")
    .addOption(
      new Option("--profile <name>", "a named set of bounds").choices(PROFILE_NAMES).default("default"),
    )
    .option("--json <file>", "write the result as JSON")
    .addOption(workersOption())
    .addOption(new Option("--seconds <n>", "stop after so long, incomplete").argParser(wholeNumber(1)))
    .option("--counterexamples <directory>", "where counterexamples are written", "counterexamples")
    .addHelpText("after", CHECK_HELP);
  for (const option of BOUND_OPTIONS) checking.addOption(option);
  checking.action(async (options: CheckOptions & Partial<Bounds> & { profile: ProfileName }) => {
    const { bounds, changed } = boundsFrom(options, (message) => checking.error(`error: ${message}`));
    const { check } = await import("./check.ts");
    process.exitCode = await check(bounds, changed, options);
  });

  kmb
    .command("replay")
    .description("run a counterexample again and show it step by step")
    .argument("<file>", "a file that `kmb check` wrote")
    .addHelpText(
      "after",
      "\nExit status: 1 the violation is there, 0 it is not, 2 the file does not fit this version.",
    )
    .action(async (file: string) => {
      const { replay } = await import("./replay.ts");
      process.exitCode = await replay(file);
    });
  addDirectoryCommands(kmb);
  return kmb;
}

const AUDIT_HELP = `
Every record of every stream is read from the first on, by the engine's reader and by the model's, which share no code. Nothing is written and
no lock is taken. docs/AUDITORS.md says what each finding means, and how to keep anchors.

Exit status: 0 clean, 1 damage or tampering, 2 wrong usage or an error of its own.

Examples:
  kmb audit /data/kimberlite
  kmb audit /data/kimberlite --anchor anchors.txt --key example.com/notary+1b2c3d4e+AX...`;

/** The commands that look at a data directory. */
function addDirectoryCommands(kmb: Command): void {
  const stream = (): Option => new Option("--stream <n>", "only this stream").argParser(streamId);

  kmb
    .command("audit")
    .description("verify a data directory, this package's or Kimberlite's, with two readers")
    .argument("<dir>", "the data directory")
    .addOption(stream())
    .option("--anchor <file>", "hold the streams against the anchors in a file; may be given again", repeated)
    .option(
      "--key <key>",
      "verifier key, or a file with one, that must have signed the anchors; may be given again",
      repeated,
    )
    .option("--json <file>", "write the result as JSON")
    .addOption(workersOption())
    .addHelpText("after", AUDIT_HELP)
    .action(async (directory: string, options: AuditCommandOptions) => {
      const { auditCommand } = await import("./audit.ts");
      process.exitCode = await auditCommand(directory, options);
    });

  kmb
    .command("anchor")
    .description("verify streams and print what to keep of them elsewhere: stream, number of records, head")
    .argument("<dir>", "the data directory")
    .addOption(stream())
    .option("--origin <name>", "whose streams these are; by default the key's name, or kimberlite")
    .option("--sign <file>", "sign with the key that kmb keygen wrote to the file")
    .addOption(workersOption())
    .addHelpText(
      "after",
      "\nExit status: 0 printed; 1 a stream is damaged, and none is printed for it; 2 wrong usage or an error of its own.",
    )
    .action(async (directory: string, options: AnchorOptions) => {
      const { anchor } = await import("./anchor.ts");
      process.exitCode = await anchor(directory, options);
    });

  kmb
    .command("keygen")
    .description(
      "make a key pair for signing anchors: the private key to a file, the public one to standard output",
    )
    .argument("<name>", "the key's name, such as example.com/notary")
    .requiredOption("--out <file>", "where the private key is written; an existing file is refused")
    .action(async (name: string, options: { out: string }) => {
      const { keygen } = await import("./keygen.ts");
      process.exitCode = keygen(name, options);
    });

  kmb
    .command("dump")
    .description("show the records of a stream, or the bytes of one of them field by field")
    .argument("<dir>", "the data directory")
    .addOption(stream().makeOptionMandatory())
    .addOption(new Option("--from <offset>", "begin at this offset").argParser(wholeNumber(0)).default(0))
    .addOption(
      new Option("--limit <n>", "show so many records at most")
        .argParser(wholeNumber(0))
        .default(Infinity, "all"),
    )
    .option("--table", "a table instead of JSON lines")
    .addOption(
      new Option("--record <offset>", "the bytes of one record, annotated").argParser(wholeNumber(0)),
    )
    .addHelpText(
      "after",
      "\nExit status: 0 all was read, 1 something is damaged, 2 wrong usage or no such record.",
    )
    .action(async (directory: string, options: DumpOptions) => {
      const { dump } = await import("./dump.ts");
      process.exitCode = await dump(directory, options);
    });

  kmb
    .command("repair")
    .description("say what it takes to append to damaged streams again, or do it")
    .argument("<dir>", "the data directory")
    .addOption(stream())
    .addOption(new Option("--plan", "change nothing, say what would be done").conflicts("apply"))
    .option("--apply", "do it; every byte that is cut off is kept in quarantine")
    .addOption(workersOption())
    .addHelpText(
      "after",
      "\nExit status: 0 nothing stays damaged, 1 something does, 2 wrong usage, or the directory is in use.",
    )
    .action(async (directory: string, options: RepairOptions, command: Command) => {
      if (options.plan !== true && options.apply !== true) command.error("error: say --plan or --apply");
      const { repair } = await import("./repair.ts");
      process.exitCode = await repair(directory, options);
    });
}

/** The profile's bounds with those that have a flag of their own, and whether that changed any. */
function boundsFrom(
  options: Partial<Bounds> & { profile: ProfileName },
  refuse: (message: string) => never,
): { bounds: Bounds; changed: boolean } {
  const profile = profileOf(options.profile, options.format);
  const given = Object.fromEntries(
    Object.keys(profile).flatMap((name) =>
      name in options && name !== "format" ? [[name, options[name as keyof Bounds]]] : [],
    ),
  );
  const parsed = boundsSchema.safeParse({ ...profile, ...given });
  if (!parsed.success) {
    refuse(parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "));
  }
  return { bounds: parsed.data, changed: Object.keys(given).length > 0 };
}
