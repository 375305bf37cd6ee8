/**
 * The commands and options of `kmb`. Every bound of the check has a flag; a profile is a named set of them. A
 * command is loaded when it is called, so that an audit does not hold the checker in memory.
 * @module
 */
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { SEGMENT_BYTES, SEGMENT_BYTES_MAX } from "../src/limits.ts";
import {
  BOUND_NAMES,
  BOUND_TABLE,
  type Bounds,
  PROFILE_NAMES,
  profileOf,
  type ProfileName,
  wholeNumber as asWholeNumber,
} from "../properties/bounds.ts";
import { type Share, SHARDS_MAX } from "../properties/shards.ts";
import { MAX_STREAM_ID } from "../src/limits.ts";
import type { AnchorOptions } from "./anchor.ts";
import type { AuditCommandOptions } from "./audit.ts";
import type { CheckOptions } from "./check.ts";
import type { CompactOptions } from "./compact.ts";
import type { DumpOptions } from "./dump.ts";
import type { KeygenOptions } from "./keygen.ts";
import { Output } from "./output.ts";
import type { RepairOptions } from "./repair.ts";
import { REPORT_FLAGS, type ReportOptions } from "./report-flags.ts";
import type { ReplayOptions } from "./replay.ts";
import type { ReportCommandOptions } from "./report.ts";
import { packageVersion } from "../properties/code-version.ts";

/** A whole number from `min` to `max`, or without an end. */
function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = asWholeNumber(text);
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

/** A stream's number, as text: it may be larger than what a number holds. */
function streamId(text: string): string {
  if (!/^(0|[1-9]\d{0,19})$/.test(text) || BigInt(text) > MAX_STREAM_ID) {
    throw new InvalidArgumentError("A stream is named by an unsigned 64-bit integer.");
  }
  return text;
}

/** One shard of so many: `2/8`. */
function share(text: string): Share {
  const [, index = NaN, of = NaN] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (index >= 1 && index <= of && of <= SHARDS_MAX) return { index, of };
  throw new InvalidArgumentError(
    `It must be a shard's number and how many there are, such as 1/4; up to ${SHARDS_MAX}.`,
  );
}

const WORKERS_MAX = 1024;
/** What a timer can wait for. */
const SECONDS_MAX = 2_000_000;

const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

const workersOption = (): Option =>
  new Option("--workers <n>", "threads; makes no difference to the result")
    .argParser(wholeNumber(1, WORKERS_MAX))
    .default(availableParallelism());

/** A bound's flag: `--sector-bytes <n>` for `sectorBytes`. */
function boundOption(name: keyof Bounds): Option {
  const { argument, help, parse, schema } = BOUND_TABLE[name];
  const dashed = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  if (argument === undefined) return new Option(`--${dashed}`, help);
  return new Option(`--${dashed} <${argument}>`, help).argParser((text) => {
    const parsed = schema.safeParse(parse(text));
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(`It ${parsed.error.issues[0]?.message ?? "is not allowed"}.`);
  });
}

/** The files that `kmb check` and `kmb merge` can write. */
const reportOptions = (): Option[] =>
  Object.entries(REPORT_FLAGS).map(([name, help]) => new Option(`--${name} <file>`, help));

type CheckCommandOptions = Omit<CheckOptions, "all"> &
  Partial<Bounds> & { readonly all?: boolean; readonly explain?: string };

const CHECK_HELP = `
Exit status:
  0    every invariant holds and the run was complete
  1    an invariant is violated; the counterexample is printed, and in a file
  2    wrong usage, or an error of the checker
  3    nothing is violated, but the run was not complete
  130  nothing was violated until SIGINT came; 143 for SIGTERM

Examples:
  kmb check --profile quick
  kmb check --json result.json --junit result.xml --sarif result.sarif
  kmb check --explain D1
  kmb check --profile quick --all
  kmb check --profile nightly --resume night.json
  kmb check --shard 2/8 --json part-2.json; later: kmb merge part-*.json
  kmb check --length 2 --torn-sectors`;

const MERGE_HELP = `
Exit status:
  0  every invariant holds, and all shards are there and complete
  1  an invariant is violated in one of them
  2  wrong usage, or files that are not shards of one run
  3  nothing is violated, but a shard is missing, or the whole is not complete

Example:
  kmb merge part-*.json --json result.json`;

const REPORT_HELP = `
The page needs no network and no server. The results must be of this version.

Exit status: 0 written, whatever the verdict; 2 wrong usage, or a file that is no such result.

Example:
  kmb report plain.json sentinel.json defects.json --out assurance.html`;

/** The command line, ready to parse. Throws `CommanderError` where commander would exit. */
export function program(): Command {
  const kmb = new Command("kmb")
    .description(
      "Checks kimberlite-storage, its engine beside its model, under every crash; verifies data directories.",
    )
    .version(packageVersion(), "--version", "print the version")
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
    .option("--explain <id>", "run nothing; say of an invariant what it is, and where it is checked")
    .addOption(workersOption())
    .addOption(
      new Option("--shard <i/n>", "search the i-th of n shares; kmb merge joins their results").argParser(
        share,
      ),
    )
    .option("--resume <file>", "keep there what was searched, and go on from what is kept there")
    .addOption(
      new Option("--seconds <n>", "stop after so long, incomplete").argParser(wholeNumber(1, SECONDS_MAX)),
    )
    .option("--counterexamples <directory>", "where counterexamples are written", "counterexamples")
    .option("--all", "go on after a violation, and list one counterexample for each invariant that fails")
    .option("--no-memo", "run the engine for every crash, even if the disk answers as it did before (slow)")
    .addHelpText("after", CHECK_HELP);
  for (const option of [...reportOptions(), ...BOUND_NAMES.map(boundOption)]) checking.addOption(option);
  checking.action(async (options: CheckCommandOptions) => {
    if (options.explain !== undefined) {
      const { explain } = await import("./explain.ts");
      process.exitCode = explain(options.explain);
      return;
    }
    const { check } = await import("./check.ts");
    process.exitCode = await check(boundsFrom(options), { ...options, all: options.all ?? false });
  });

  const merging = kmb
    .command("merge")
    .description("join the results of all shards of a check")
    .argument("<files...>", "what `kmb check --shard i/n --json FILE` wrote, one for each shard")
    .addHelpText("after", MERGE_HELP)
    .action(async (files: string[], options: ReportOptions) => {
      const { merge } = await import("./merge.ts");
      process.exitCode = merge(files, options);
    });
  for (const option of reportOptions()) merging.addOption(option);

  kmb
    .command("replay")
    .description("run a counterexample again and show it step by step")
    .argument("<file>", "a file that `kmb check` wrote")
    .option("--html <file>", "write a page on which one can go through the run, step by step")
    .addHelpText(
      "after",
      `
Exit status:
  0  the run was as recorded, and nothing is violated
  1  the run was as recorded, and the violation is there
  2  the file is not a counterexample, or does not fit this version
  3  the run took another way than the recorded one, as the engine or the file is another, or it did not check the invariant`,
    )
    .action(async (file: string, options: ReplayOptions) => {
      const { replay } = await import("./replay.ts");
      process.exitCode = await replay(file, options);
    });

  kmb
    .command("report")
    .description("make one HTML file of results, for people who did not make the run")
    .argument(
      "<files...>",
      "what `kmb check --json` or `kmb merge --json` wrote, for each format, and `npm run defects -- --json`",
    )
    .option("--out <file>", "where the page is written", "assurance.html")
    .addHelpText("after", REPORT_HELP)
    .action(async (files: string[], options: ReportCommandOptions) => {
      const { report } = await import("./report.ts");
      process.exitCode = report(files, options);
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

const COMPACT_HELP = `
Each run of hidden records becomes one redacted record, which keeps the hash of the last: no head and no anchor changes. What is erased cannot
be brought back. Small segments that follow each other become one. Streams of Kimberlite's format, sentinel, are left alone. docs/AUDITORS.md says what erasing does not reach: copies, backups,
quarantine, and guesses.

Exit status:
  0    done
  1    damage was met in a stream, which is compacted only before it
  2    wrong usage, the directory is in use, or an error of its own
  130  SIGINT came before all was done; 143 for SIGTERM. Segments that are done stay compacted

Examples:
  kmb compact /data/kimberlite --plan
  kmb compact /data/kimberlite --stream 7 --purge-quarantine`;

/** The commands that look at a data directory, or change one. */
function addDirectoryCommands(kmb: Command): void {
  const stream = (): Option => new Option("--stream <n>", "only this stream").argParser(streamId);
  const allowEmpty = (): Option =>
    new Option(
      "--allow-empty",
      "a directory without streams is no error; by default it is, as a wrong path has none",
    );

  kmb
    .command("audit")
    .description("verify a data directory, this package's or Kimberlite's, with two readers")
    .argument("<dir>", "the data directory")
    .addOption(stream())
    .addOption(allowEmpty())
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
    .addOption(allowEmpty())
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
      "make a key pair for signing anchors: the private key to a file, the public one to standard output; or print the public one again",
    )
    .argument("[name]", "the key's name, such as example.com/notary")
    .option("--out <file>", "where the private key is written; an existing file is refused")
    .addOption(
      new Option("--public <file>", "print the public key of the private key in the file").conflicts("out"),
    )
    .action(async (name: string | undefined, options: KeygenOptions) => {
      const { keygen } = await import("./keygen.ts");
      process.exitCode = keygen(name, options);
    });

  kmb
    .command("dump")
    .description("show the records of a stream, or the bytes of one of them field by field")
    .argument("<dir>", "the data directory")
    .addOption(stream().makeOptionMandatory())
    .addOption(allowEmpty())
    .addOption(new Option("--from <offset>", "begin at this offset").argParser(wholeNumber(0)).default(0))
    .addOption(
      new Option("--limit <n>", "show so many records at most")
        .argParser(wholeNumber(0))
        .default(Infinity, "all"),
    )
    .option("--table", "a table instead of JSON lines")
    .option("--hidden", "mark data records that a tombstone hides; the stream is read twice")
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
    .addOption(allowEmpty())
    .addOption(new Option("--plan", "change nothing, say what would be done").conflicts("apply"))
    .option("--apply", "do it; every byte that is cut off is kept in quarantine")
    .addOption(workersOption())
    .addHelpText(
      "after",
      "\nExit status: 0 nothing stays damaged, 1 something does, 2 wrong usage, the directory is in use, or a stream cannot be repaired.",
    )
    .action(async (directory: string, options: RepairOptions, command: Command) => {
      if (options.plan !== true && options.apply !== true) command.error("error: say --plan or --apply");
      const { repair } = await import("./repair.ts");
      process.exitCode = await repair(directory, options);
    });

  kmb
    .command("compact")
    .description("erase for good the records that tombstones hide, or say what would be erased")
    .argument("<dir>", "the data directory")
    .addOption(stream())
    .addOption(allowEmpty())
    .option("--plan", "change nothing, say what would be done")
    .option(
      "--purge-quarantine",
      "also remove what recovery and repair set aside: erased records may be in it",
    )
    .addOption(
      new Option("--compress <codec>", "also compress payloads, where that makes them smaller").choices([
        "lz4",
        "zstd",
      ]),
    )
    .addOption(
      new Option(
        "--merge-up-to <bytes>",
        "size up to which segments that follow each other become one; 0 for none",
      )
        .default(SEGMENT_BYTES)
        .argParser(wholeNumber(0, SEGMENT_BYTES_MAX)),
    )
    .addOption(
      new Option("--min-segments <n>", "how many there must be for that")
        .default(2)
        .argParser(wholeNumber(2)),
    )
    .option("--json <file>", "write the result as JSON")
    .addHelpText("after", COMPACT_HELP)
    .action(async (directory: string, options: CompactOptions) => {
      const { compact } = await import("./compact.ts");
      process.exitCode = await compact(directory, options);
    });
}

/** The profile's bounds with those that have a flag of their own. */
function boundsFrom(options: Partial<Bounds> & { profile: ProfileName }): Bounds {
  const profile = profileOf(options.profile, options.format);
  const given = BOUND_NAMES.filter((name) => name in options && name !== "format");
  return { ...profile, ...Object.fromEntries(given.map((name) => [name, options[name]])) };
}
