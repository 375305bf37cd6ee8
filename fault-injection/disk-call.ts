/**
 * Calls to a simulated disk and the changes that they make, as data: what watches a disk decides by them.
 * Their texts are for people.
 * @module
 */
import type { OpenMode } from "../src/disk/disk.ts";

/** A call. Positions, lengths and sizes are in bytes. */
export type DiskCall =
  | { readonly kind: "open"; readonly path: string; readonly mode: OpenMode }
  | {
      readonly kind: "read" | "write";
      readonly path: string;
      readonly position: number;
      readonly length: number;
    }
  | { readonly kind: "truncate"; readonly path: string; readonly size: number }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  | {
      readonly kind:
        | "size"
        | "sync"
        | "close"
        | "remove"
        | "list"
        | "make directory"
        | "sync directory"
        | "lock"
        | "release";
      readonly path: string;
    };

/**
 * What a call changed: the call itself, or that a file is there and empty, or what a sync that failed made of
 * its pages.
 */
export type DiskChange = DiskCall | { readonly kind: "create" | "failing sync"; readonly path: string };

/** A call or a change for a person. */
export function callText(call: DiskChange): string {
  const { kind, path } = call;
  switch (kind) {
    case "open":
      return call.mode === "create" ? `create ${path}` : `open to ${call.mode} ${path}`;
    case "read":
    case "write":
      return `${kind} ${path} [${call.position}..${call.position + call.length})`;
    case "truncate":
      return `truncate ${path} to ${call.size}`;
    case "rename":
      return `rename ${path} to ${call.to}`;
    case "size":
    case "failing sync":
      return `${kind} of ${path}`;
    case "sync":
    case "close":
    case "remove":
    case "list":
    case "make directory":
    case "sync directory":
    case "lock":
    case "release":
    case "create":
      return `${kind} ${path}`;
  }
}
