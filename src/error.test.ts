/** What an error tells: its code, where it is, and a sentence with the place behind it. */
import { describe, expect, test } from "vitest";

import { type ErrorPlace, StorageError } from "./error.ts";
import type { Offset, StreamId } from "./types.ts";

const stream = 7n as StreamId;
const offset = 5n as Offset;

describe("a StorageError", () => {
  test.each<[string, ErrorPlace]>([
    ["It is so.", {}],
    ["It is so. [stream 7]", { stream }],
    ["It is so. [offset 5]", { offset }],
    ["It is so. [/data/LOCK]", { file: "/data/LOCK" }],
    ["It is so. [byte 0]", { position: 0 }],
    ["It is so. [stream 7, offset 5, /f, byte 54]", { stream, offset, file: "/f", position: 54 }],
    ["It is so. [stream 0, offset 0]", { stream: 0n as StreamId, offset: 0n as Offset }],
  ])("%s", (message, place) => {
    const error = new StorageError("malformed", "It is so.", place);
    expect(error.message).toBe(message);
    expect({
      stream: error.stream,
      offset: error.offset,
      file: error.file,
      position: error.position,
    }).toStrictEqual({
      stream: undefined,
      offset: undefined,
      file: undefined,
      position: undefined,
      ...place,
    });
  });

  test("is an Error with a name, a code, and the cause if there is one", () => {
    const cause = new Error("below");
    const error = new StorageError("io", "It failed.", {}, cause);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toBe("StorageError: It failed.");
    expect(error).toMatchObject({ name: "StorageError", code: "io", cause });
    expect("cause" in new StorageError("io", "It failed.")).toBe(false);
  });
});
