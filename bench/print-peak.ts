/**
 * Loaded into a process with `--import`: prints the most memory that it ever held, when it ends.
 * @module
 */
process.on("exit", () => {
  console.error(`peak ${process.resourceUsage().maxRSS} KiB`);
});
