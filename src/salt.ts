/**
 * Salt: random bytes in front of a payload that may have to be erased.
 *
 * The chain hash of an erased record stays. Whoever can guess its payload can hash the guess and compare, so
 * a payload with few possible values, such as a name or a date, is not gone while the hash is there. With
 * salt that was erased with it, there is nothing to guess.
 *
 * The salt is the caller's: 16 bytes from `randomBytes` of `node:crypto`, new ones for each record. Promised:
 * `withoutSalt` gives back what `withSalt` was given. Not promised: that the bytes are random, or that
 * anybody can tell a payload with salt from one without.
 * @module
 */
import { StorageError } from "./error.ts";
import { asBytes } from "./options.ts";

/** Size of the salt in bytes: too many to try all, and too many for two to be the same. */
const SALT_BYTES = 16;

/**
 * A payload with salt in front of it: `[salt:16][payload]`.
 *
 * @param payload what is to be stored
 * @param salt 16 random bytes that no other record has
 * @returns new bytes; both arguments stay as they are
 * @throws TypeError for a payload or salt of another type
 * @throws StorageError `malformed` for salt of another size
 * @example
 * ```ts
 * const salt = crypto.getRandomValues(new Uint8Array(16));
 * withSalt(Buffer.from("Ada Lovelace"), salt).length; // 28
 * ```
 */
export function withSalt(payload: Uint8Array, salt: Uint8Array): Uint8Array {
  asBytes("A payload", payload);
  if (asBytes("salt", salt).length !== SALT_BYTES) {
    throw new StorageError("malformed", `Salt has ${SALT_BYTES} bytes, not ${salt.length}.`);
  }
  const salted = new Uint8Array(SALT_BYTES + payload.length);
  salted.set(salt, 0);
  salted.set(payload, SALT_BYTES);
  return salted;
}

/**
 * The payload behind the salt that `withSalt` put in front of it.
 *
 * @param salted what is stored
 * @returns a view of the same memory
 * @throws TypeError for bytes of another type
 * @throws StorageError `malformed` if there are fewer than 16
 * @example
 * ```ts
 * const salt = crypto.getRandomValues(new Uint8Array(16));
 * withoutSalt(withSalt(Buffer.from("Ada Lovelace"), salt)).length; // 12
 * ```
 */
export function withoutSalt(salted: Uint8Array): Uint8Array {
  if (asBytes("A payload", salted).length < SALT_BYTES) {
    throw new StorageError(
      "malformed",
      `A payload with salt has at least ${SALT_BYTES} bytes, not ${salted.length}.`,
    );
  }
  return salted.subarray(SALT_BYTES);
}
