/**
 * The command line of `npm run bench`.
 * @module
 */
import { tmpdir } from "node:os";
import { Command, Option } from "commander";
import { type Question, QUESTIONS } from "../../properties/documents/performance.ts";
import { INSTALLING } from "./peers.ts";

/** What is asked for. */
export interface BenchOptions {
  readonly quick: boolean;
  readonly only: readonly Question[];
  readonly directory: string;
  readonly json?: string;
  readonly plots?: string;
}

const HELP = `
The peers are installed by:
  ${INSTALLING}

Exit status:
  0     it was measured
  2     wrong usage or an error
  130, 143  it was interrupted by SIGINT (Ctrl-C), SIGTERM`;

/** Reads them. @throws CommanderError where commander would exit */
export function benchOptions(words: readonly string[]): BenchOptions {
  return new Command("npm run bench --")
    .description(
      "Measures the engine side by side with a bare loop that does the same work on the bytes, and with what people would pick instead. A quarter of an hour.",
    )
    .option("--quick", "less of everything and no peers: within two minutes", false)
    .addOption(
      new Option("--only <question...>", "only these questions").choices(QUESTIONS).default(QUESTIONS, "all"),
    )
    .option("--directory <directory>", "on which disk: where the logs are put, and removed again", tmpdir())
    .option("--json <file>", "write what was measured as JSON")
    .option("--plots <directory>", "write a plot for each question as SVG")
    .addHelpText("after", HELP)
    .exitOverride()
    .parse(words, { from: "user" })
    .opts<BenchOptions>();
}
