/** Salt in front of payloads: what was put in is what comes out, and nothing else is taken. */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { failureOf } from "../e2e/testing.ts";
import { StorageError } from "./error.ts";
import { withoutSalt, withSalt } from "./salt.ts";

const SALT = Uint8Array.from({ length: 16 }, (_, i) => i);
const bytes = (size: number): Uint8Array => new Uint8Array(size);

describe("salt", () => {
  test.prop([fc.uint8Array(), fc.uint8Array({ minLength: 16, maxLength: 16 })])(
    "stands before the payload, and the payload comes back",
    (payload, salt) => {
      const salted = withSalt(payload, salt);
      expect([...salted]).toStrictEqual([...salt, ...payload]);
      expect([...withoutSalt(salted)]).toStrictEqual([...payload]);
    },
  );

  test("changes neither argument and shares no memory with them", () => {
    const payload = Uint8Array.of(7);
    const salted = withSalt(payload, SALT);
    salted.fill(255);
    expect([payload[0], SALT[15]]).toStrictEqual([7, 15]);
  });

  test.each([0, 15, 17])("of %i bytes is refused", async (size) => {
    const error = await failureOf(() => withSalt(bytes(3), bytes(size)));
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ code: "malformed", message: `Salt has 16 bytes, not ${size}.` });
  });

  test("is not taken from fewer bytes than it has", async () => {
    expect(await failureOf(() => withoutSalt(bytes(15)))).toMatchObject({ code: "malformed" });
    expect([...withoutSalt(bytes(16))]).toStrictEqual([]);
  });

  test.each([
    () => withSalt("text" as never, SALT),
    () => withSalt(bytes(1), "sixteen letters." as never),
    () => withoutSalt("text" as never),
  ])("what is no bytes is a TypeError (%#)", async (call) => {
    expect(await failureOf(call)).toBeInstanceOf(TypeError);
  });
});
