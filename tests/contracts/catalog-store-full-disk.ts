/** Run by catalog-store.test.ts under a limit for the size of files: fills a catalog, and prints what came of it. */
import { openLmdbCatalogStore } from "../../src/adapters/lmdb/catalog-store.ts";
import { utf8 } from "../../src/core/bytes.ts";

const store = openLmdbCatalogStore(process.argv[2] ?? "");
const nameOf = (error: unknown): string => (error instanceof Error ? error.name : String(error));

await store.write((view) => view.put(utf8("kept"), utf8("1")));
// The small one first: behind the large one it may be left to the next transaction, for the event loop's sake.
const large = new Uint8Array(3_000_000);
const besideWrite = store.write((view) => view.put(utf8("beside"), utf8("1")));
const refusedWrite = store.write((view) => view.put(utf8("refused"), large));
const refused = await refusedWrite.then(() => "taken", nameOf);
const besideIt = await besideWrite.then(() => "taken", nameOf);
const kept = store.read().get(utf8("kept")) !== undefined;
const nothingOfRefused = store.read().get(utf8("refused")) === undefined;
// Whether it shares the transaction that is refused is a matter of moments.
const besideItIsAsTold = (besideIt === "taken") === (store.read().get(utf8("beside")) !== undefined);
await store.write((view) => view.put(utf8("small"), utf8("1")));
const wentOn = store.read().get(utf8("small")) !== undefined;
await store.close();
console.log(JSON.stringify({ refused, besideItIsAsTold, kept, nothingOfRefused, wentOn, closed: true }));
