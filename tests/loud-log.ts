/** A log for what has nothing to complain of: an error fails the test. */
import type { Log } from "../src/ports/log.ts";

const silent = () => {};

export const loudLog: Log = {
  ...{ debug: silent, info: silent, warn: silent },
  error: (message, fields) => {
    throw new Error(`${message} ${JSON.stringify(fields)}`);
  },
};
