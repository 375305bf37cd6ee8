/**
 * The native half of `@mongodb-js/zstd`. Its typed front, `index.js`, drops the compression level that its
 * own type declaration offers, so the codec calls what is beneath it. The package is pinned to one version
 * for that.
 */
declare module "@mongodb-js/zstd/bindings.js" {
  const bindings: {
    compress(data: Uint8Array, level: number): Promise<Uint8Array>;
    decompress(data: Uint8Array): Promise<Uint8Array>;
  };
  export default bindings;
}
