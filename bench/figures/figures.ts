// What one run of a contender yields.

/** The figures of a run. Null where a figure has no meaning, such as a rate without messages. */
export interface Figures {
  /** Messages a second, from the start of the (first) process to the last answer to a delete. */
  readonly throughput: number | null;
  /** Microseconds of CPU a message, of all processes of the contender. */
  readonly cpu: number | null;
  /** The same of the whole machine: of the servers and the proxies, too. */
  readonly machineCpu: number | null;
  /** MiB that the largest process had in memory at its peak. */
  readonly memory: number | null;
  /** SQS requests a message. */
  readonly receives: number | null;
  readonly deletes: number | null;
  readonly others: number | null;
  readonly requests: number | null;
  /** Seconds from the last answer to a delete to the end of the (last) process. */
  readonly afterLast: number | null;
  /** Seconds from the start of the (first) process to the end of the (last). */
  readonly whole: number;
}

export type Figure = keyof Figures;
