/**
 * Node's `fetch` (undici) gives up on an answer after 300 s of silence. A server may be silent for longer while it works: a
 * request that knows so goes to the same dispatcher, and tells it to wait.
 */
interface Dispatcher {
  dispatch(options: object, handler: unknown): boolean;
}

/** Where every version of undici keeps the dispatcher that `fetch` uses; the newer first. */
const PLACES = [Symbol.for("undici.globalDispatcher.2"), Symbol.for("undici.globalDispatcher.1")];
/** Milliseconds; none. */
const NO_LIMITS = { headersTimeout: 0, bodyTimeout: 0 };

const waiting: Dispatcher = {
  // Called by undici only, which has put its own there by then.
  dispatch(options, handler) {
    const places = globalThis as unknown as Readonly<Record<symbol, Dispatcher | undefined>>;
    const [dispatcher] = PLACES.flatMap((place) => places[place] ?? []);
    if (dispatcher === undefined) throw new Error("this fetch cannot be told to wait");
    return dispatcher.dispatch({ ...options, ...NO_LIMITS }, handler);
  },
};

/** Of a request to `fetch`. Other platforms than Node.js pass it over. */
export const PATIENT_INIT: object = { dispatcher: waiting };
