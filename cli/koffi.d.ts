/**
 * As much of `koffi` as is used. It is an optional dependency, so the build does not depend on its own types.
 */
declare module "koffi" {
  interface Library {
    /** A function of the library, by its declaration in C. */
    func(declaration: string): (...values: readonly number[]) => number | bigint;
  }
  const koffi: {
    /** Opens a shared library; `null` is the running program and what is linked into it. */
    load(path: string | null): Library;
    /** The `errno` that the last call left. */
    errno(): number;
    readonly os: { readonly errno: Readonly<Record<string, number>> };
  };
  export default koffi;
}
