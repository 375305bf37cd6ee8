/**
 * The calls that a run makes to its disk, and every way in which each of them can fail.
 * @module
 */
import type { CallFault, FaultHook } from "../../fault-injection/call-faults.ts";
import type { DiskCall } from "../../fault-injection/disk-call.ts";
import type { SimulatedDisk } from "../../fault-injection/simulated-disk.ts";

/** A way to fail. */
export interface CallFailure {
  readonly label: string;
  readonly fault: CallFault;
  /** Whether every later call of the same kind fails, too, until the disk is repaired. */
  readonly sticky: boolean;
}

/** Every way in which a call can fail, simplest first. */
export function failuresOf(call: DiskCall): CallFailure[] {
  const EIO: CallFault = { fails: "EIO" };
  const ENOSPC: CallFault = { fails: "ENOSPC" };
  const both = (label: string, fault: CallFault): CallFailure[] => [
    { label: `${label} once`, fault, sticky: false },
    { label: `${label} from then on`, fault, sticky: true },
  ];
  switch (call.kind) {
    case "write": {
      const most = call.length - 1;
      return [
        ...both("EIO", EIO),
        ...both("ENOSPC", ENOSPC),
        ...[...new Set([0, most >> 1, most])].flatMap((n): CallFailure[] => [
          { label: `${n} bytes are written`, fault: { short: n }, sticky: false },
          { label: `ENOSPC after ${n} bytes`, fault: { fails: "ENOSPC", after: n }, sticky: false },
        ]),
      ];
    }
    case "sync":
      return (["dirty", "clean", "dropped"] as const).flatMap((pages) =>
        both(`EIO (pages are ${pages})`, { fails: "EIO", pages }),
      );
    case "open":
      return call.mode === "create" ? [...both("EIO", EIO), ...both("ENOSPC", ENOSPC)] : both("EIO", EIO);
    case "truncate":
    case "rename":
    case "make directory":
    case "sync directory":
      return [...both("EIO", EIO), ...both("ENOSPC", ENOSPC)];
    case "read":
    case "size":
    case "list":
    case "remove":
    case "close":
    case "lock":
    case "release":
      return both("EIO", EIO);
  }
}

/** Notes every call that a disk is asked for; lets them all be. */
export function noteCalls(disk: SimulatedDisk): DiskCall[] {
  const calls: DiskCall[] = [];
  disk.onFault = (call) => {
    calls.push(call);
    return undefined;
  };
  return calls;
}

/** Makes the call at a place fail. `occurred` says whether it came to that. */
export class InjectedFailure {
  occurred = false;
  /**
   * How many failed syncs threw pages out of the kernel's hands, so that the death of the process can lose
   * them.
   */
  drops = 0;
  /** What failed first. */
  call: DiskCall | undefined;
  readonly hook: FaultHook;

  constructor(place: number, failure: CallFailure, trace?: (line: string) => void) {
    const { fault, sticky, label } = failure;
    const dropsPages = "fails" in fault && fault.pages === "dropped";
    let calls = 0;
    this.hook = (call) => {
      calls += 1;
      const isFirst = calls === place;
      if (isFirst) {
        this.occurred = true;
        this.call = call;
        trace?.(`   fails: ${label}`);
      } else if (!this.occurred || !sticky || call.kind !== this.call?.kind) return undefined;
      if (dropsPages) this.drops += 1;
      return isFirst ? fault : fitting(fault);
    };
  }
}

/** The fault for a later call, which may be shorter than the first. */
function fitting(fault: CallFault): CallFault {
  return "fails" in fault ? fault : { fails: "ENOSPC" };
}
