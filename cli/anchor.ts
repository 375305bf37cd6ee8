/**
 * `kmb anchor`: verifies streams and prints what to keep of them elsewhere.
 * @module
 */
import { anchorText } from "../audit/anchor.ts";
import { parseSigner, sign, type Signer } from "../audit/signed-note.ts";
import { visible } from "../audit/text.ts";
import { timedAudit } from "./audit.ts";
import { bytesOfFile } from "./named-file.ts";
import { Output } from "./output.ts";

export interface AnchorOptions {
  readonly stream?: string;
  readonly origin?: string;
  /** Path of a signer key. */
  readonly sign?: string;
  readonly allowEmpty?: boolean;
  readonly workers: number;
}

const DEFAULT_ORIGIN = "kimberlite";

/** @returns the exit status: 0 printed, 1 a stream is damaged, and nothing is printed of it */
export async function anchor(directory: string, options: AnchorOptions): Promise<number> {
  const signer: Signer | undefined =
    options.sign === undefined ? undefined : parseSigner(bytesOfFile(options.sign).toString());
  const origin = options.origin ?? signer?.name ?? DEFAULT_ORIGIN;
  const { streams } = await timedAudit(directory, options.workers, {
    stream: options.stream,
    allowEmpty: options.allowEmpty,
  });
  const output = new Output();
  let status = 0;
  const texts: string[] = [];
  for (const { stream, nextOffset, head, findings, verifiedFromGenesis } of streams) {
    const damage = findings.find(({ severity }) => severity === "damage");
    if (damage !== undefined || head === undefined || !verifiedFromGenesis) {
      const why = damage === undefined ? "its head is not known" : `${visible(damage.file)}: ${damage.code}`;
      console.error(`Stream ${stream} is damaged, and there is no anchor for it: ${why}. See kmb audit.`);
      status = 1;
      continue;
    }
    const text = anchorText({
      origin,
      stream: BigInt(stream),
      count: nextOffset,
      head: Buffer.from(head, "hex"),
    });
    texts.push(signer === undefined ? text : sign(text, signer));
  }
  if (streams.length === 0) console.error("There are no streams in this directory.");
  // An empty line after each: whoever appends them to a file gets a file of anchors.
  for (const text of texts) output.line(text);
  return status;
}
