/**
 * An open file of a simulated disk. It dies with the process: after a crash or a kill every call but none is
 * refused with EBADF, as it is after `close`.
 * @module
 */
import type { DiskFile } from "../src/disk/disk.ts";
import { askSync, askWrite, failWhole, type FaultHook } from "./call-faults.ts";
import type { DiskCall, DiskChange } from "./disk-call.ts";
import { diskError } from "./disk-error.ts";
import type { Medium } from "./medium.ts";
import type { ReadTrace } from "./read-trace.ts";
import { syncFile } from "./settling.ts";
import { truncate, write } from "./simulated-file.ts";

/** The disk as its open files see it. */
export interface OpenFileHost {
  readonly medium: Medium;
  /** Which incarnation of the process this is. */
  readonly incarnation: number;
  readonly onCall: ((call: DiskCall) => void) | undefined;
  readonly onChange: ((change: DiskChange) => void) | undefined;
  readonly onFault: FaultHook | undefined;
  readonly trace: ReadTrace | undefined;
  /** Counts a call; returns its step. */
  countCall(): number;
}

export class OpenFile implements DiskFile {
  private readonly host: OpenFileHost;
  private readonly number: number;
  private readonly path: string;
  private readonly writable: boolean;
  private readonly incarnation: number;
  private open = true;

  constructor(host: OpenFileHost, number: number, path: string, writable: boolean) {
    this.host = host;
    this.number = number;
    this.path = path;
    this.writable = writable;
    this.incarnation = host.incarnation;
  }

  size(): number {
    const { host, path } = this;
    host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "size", path });
    this.requireOpen("size");
    if (host.onFault !== undefined) failWhole(host.onFault, { kind: "size", path });
    host.trace?.sawSize(path);
    return host.medium.sizeOf(this.number, path);
  }

  read(target: Uint8Array, position: number): number {
    const { host, path } = this;
    host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "read", path, position, length: target.length });
    this.requireOpen("read");
    requireCount(position, "read", path);
    if (host.onFault !== undefined)
      failWhole(host.onFault, { kind: "read", path, position, length: target.length });
    host.trace?.sawBytes(path, position, position + target.length);
    return host.medium.read(this.number, path, target, position);
  }

  write(source: Uint8Array, position: number): number {
    const { host, path } = this;
    const step = host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "write", path, position, length: source.length });
    this.requireWritable("write");
    requireCount(position, "write", path);
    if (host.onFault === undefined) return this.put(source, position, step);
    const { length } = source;
    const { written, error } = askWrite(host.onFault, path, position, length);
    this.put(source.subarray(0, written), position, step);
    if (error !== undefined) throw error;
    return written;
  }

  private put(source: Uint8Array, position: number, step: number): number {
    if (source.length === 0) return 0;
    const { host, path } = this;
    const { medium } = host;
    if (medium.rules.persistence.separateSize) medium.sizeOf(this.number, path);
    write(medium.mutableFile(this.number), source, position, step);
    if (host.onChange !== undefined) host.onChange({ kind: "write", path, position, length: source.length });
    return source.length;
  }

  truncate(size: number): void {
    const { host, path } = this;
    const step = host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "truncate", path, size });
    this.requireWritable("truncate");
    requireCount(size, "truncate", path);
    if (host.onFault !== undefined) failWhole(host.onFault, { kind: "truncate", path, size });
    host.trace?.sawSize(path);
    const { medium } = host;
    const changed = truncate(
      medium.mutableFile(this.number),
      size,
      step,
      medium.rules.persistence.separateSize,
    );
    if (changed && host.onChange !== undefined) host.onChange({ kind: "truncate", path, size });
  }

  sync(): void {
    const { host, path } = this;
    host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "sync", path });
    this.requireOpen("sync");
    const { medium } = host;
    if (host.onFault !== undefined) {
      const fault = askSync(host.onFault, path);
      if (fault !== undefined) {
        const { pages, error } = fault;
        if (pages !== "dirty" && medium.failSync(this.number, pages))
          host.onChange?.({ kind: "failing sync", path });
        throw error;
      }
    }
    if (medium.file(this.number).pending.length === 0) return;
    syncFile(medium.mutableFile(this.number), medium.undecided, medium.rules.persistence.separateSize);
    if (host.onChange !== undefined) host.onChange({ kind: "sync", path });
  }

  close(): void {
    const { host, path } = this;
    host.countCall();
    if (host.onCall !== undefined) host.onCall({ kind: "close", path });
    this.requireOpen("close");
    this.open = false;
    if (host.onFault !== undefined) failWhole(host.onFault, { kind: "close", path });
  }

  private requireOpen(call: string): void {
    if (!this.open || this.incarnation !== this.host.incarnation) throw diskError("EBADF", call, this.path);
  }

  private requireWritable(call: string): void {
    this.requireOpen(call);
    if (!this.writable) throw diskError("EBADF", call, this.path);
  }
}

function requireCount(value: number, call: string, path: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw diskError("EINVAL", call, path);
}
