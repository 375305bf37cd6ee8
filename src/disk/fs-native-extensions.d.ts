/** As much of `fs-native-extensions` as is used; the package brings no types. */
declare module "fs-native-extensions" {
  /**
   * Takes an exclusive advisory lock on all of an open, writable file; `false` if another open file holds
   * one.
   */
  export function tryLock(fd: number): boolean;
}
