/** Walking through a directory whose files are to be adopted, a bounded number of names at a time. */
import { FileStoreError, type FileType, type SourceDirectory } from "../../ports/file-store.ts";
import { IDENTITY_FILE, STATE_DIRECTORY } from "../storage/layout.ts";

/** Something that is no directory to go into. */
export interface Found {
  /** Relative to the source. */
  readonly name: string;
  /** "foreign": a directory that is the data directory of another server; "unlisted": one that cannot be listed. */
  readonly type: Exclude<FileType, "directory"> | "foreign" | "unlisted";
}

/** Batches of what is there, in no order. Links are told and not followed. */
export async function* walk(source: SourceDirectory, directory = ""): AsyncGenerator<Found[]> {
  const isData = source.place.kind === "inside" && source.place.name === "" && directory === "";
  const nameIn = (name: string) => (directory === "" ? name : `${directory}/${name}`);
  try {
    if (!isData && (await source.stat(nameIn(IDENTITY_FILE))) !== undefined) {
      yield [{ name: directory, type: "foreign" }];
      return;
    }
    for await (const batch of source.listInBatches(directory)) {
      const subdirectories: string[] = [];
      const found: Found[] = [];
      for (const { name, type } of batch) {
        if (type !== "directory") found.push({ name: nameIn(name), type });
        else if (!isData || name !== STATE_DIRECTORY) subdirectories.push(nameIn(name));
      }
      if (found.length > 0) yield found;
      for (const each of subdirectories) yield* walk(source, each);
    }
  } catch (error) {
    if (!(error instanceof FileStoreError)) throw error;
    yield [{ name: directory, type: "unlisted" }];
  }
}
