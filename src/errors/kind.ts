/** What the catalogue of errors says of each failure. */
export interface ErrorKind {
  /** The HTTP status. */
  readonly status: number;
  /** What happened; `{name}` is replaced by the parameter of that name. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}
