/** Work that is too long for one turn of the event loop is done in pieces, with other requests between them. */

/**
 * What is waited for before a piece. Of all who wait, one goes on in each turn, first come, first served: however many long
 * requests there are, a turn is as long as one piece.
 */
export function createTurns(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const goOn = () => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(goOn);
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(goOn);
    });
}
