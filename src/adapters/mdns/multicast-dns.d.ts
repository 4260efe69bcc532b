/** The part of multicast-dns 7 (and the dns-packet below it) that is used here; the library brings no types. */
declare module "multicast-dns" {
  import type { EventEmitter } from "node:events";

  namespace multicastdns {
    interface Options {
      readonly port?: number;
      readonly interface?: string;
      readonly bind?: string;
      readonly reuseAddr?: boolean;
      readonly loopback?: boolean;
    }

    type Answer =
      | { name: string; type: "PTR"; ttl: number; data: string }
      | { name: string; type: "SRV"; ttl: number; data: { port: number; target: string } }
      | { name: string; type: "TXT"; ttl: number; data: string[] }
      | { name: string; type: "A"; ttl: number; data: string };

    interface Question {
      readonly name: string;
      readonly type: string;
    }

    /** As decoded: records of any type, with whatever data the sender gave. */
    interface Packet {
      readonly questions: readonly Question[];
      readonly answers: readonly { name: string; type: string; ttl?: number; data?: unknown }[];
      readonly additionals: readonly { name: string; type: string; ttl?: number; data?: unknown }[];
    }

    interface Multicast extends EventEmitter {
      query(questions: Question[], done?: (error?: Error | null) => void): void;
      respond(response: { answers: Answer[]; additionals: Answer[] }, done?: (error?: Error | null) => void): void;
      destroy(done?: () => void): void;
    }
  }

  function multicastdns(options: multicastdns.Options): multicastdns.Multicast;
  export = multicastdns;
}
