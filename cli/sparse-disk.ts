/**
 * The file system with holes: a disk that knows which parts of a sparse file were never written, and so need
 * not be read.
 *
 * Promises: it is `NodeDisk` where holes cannot be asked for, which is where `koffi` is not installed or
 * cannot be loaded, on 32-bit systems, and on Windows. Does not promise: that the file system tells the
 * truth, or that it knows its holes; many network file systems do not.
 *
 * Specification: `lseek` with `SEEK_DATA`, POSIX.1-2024.
 * @module
 */
import { NodeDisk, type SeekData } from "../src/index.ts";

/** `SEEK_DATA` where `off_t` has 64 bits. */
const SEEK_DATA: Partial<Record<NodeJS.Platform, number>> = { linux: 3, freebsd: 3, darwin: 4 };
const ARCHITECTURES: ReadonlySet<string> = new Set(["x64", "arm64", "riscv64", "loong64", "ppc64"]);

/** The call of the C library, `undefined` if it cannot be had here. */
export async function seekDataHere(): Promise<SeekData | undefined> {
  const whence = SEEK_DATA[process.platform];
  if (whence === undefined || !ARCHITECTURES.has(process.arch)) return undefined;
  try {
    const { default: koffi } = await import("koffi");
    const lseek = koffi.load(null).func("int64_t lseek(int descriptor, int64_t offset, int whence)");
    return (descriptor, position) => {
      const data = Number(lseek(descriptor, position, whence));
      if (data >= 0) return data;
      // No data there, up to the end of the file. Anything else: it cannot be told.
      return koffi.errno() === koffi.os.errno["ENXIO"] ? Number.POSITIVE_INFINITY : undefined;
    };
  } catch {
    return undefined;
  }
}

/** The file system of this machine, with holes passed over where that is possible. */
export async function sparseDisk(): Promise<NodeDisk> {
  return new NodeDisk(await seekDataHere());
}
