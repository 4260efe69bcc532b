/** What a server's control process and its serving processes tell each other. */

export type ToServing =
  | { readonly kind: "init"; readonly init: unknown }
  /** What it was begun with has changed. */
  | { readonly kind: "renew"; readonly init: unknown }
  | { readonly kind: "view"; readonly view: unknown }
  | { readonly kind: "close" };

export type FromServing =
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly code: string }
  /** Since the last one. `load` is 0 to 1. */
  | {
      readonly kind: "report";
      readonly sentBytes: number;
      readonly load: number;
      /** How often which versions were sent. */
      readonly reads: unknown;
    };
