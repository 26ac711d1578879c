// Small faults of the loop that the simulation must find: each replaces a piece of one file. `npm run simulate -- --mutants` tries them.

export interface Mutant {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Occurs once in the file. */
  readonly from: string;
  readonly to: string;
}

const DRAIN = "src/drain";
const WORLD = "test/simulation";

/** Thought out together with the simulation. */
const PLANNED: readonly Mutant[] = [
  {
    name: "deletes before the commit",
    file: `${DRAIN}/loop.ts`,
    from: "        this.#isLoading = true;\n",
    to:
      "        this.#isLoading = true;\n" +
      "        await this.#deleter.add(items.filter(({ isLast }) => isLast).map(({ message }) => message.messageId));\n",
  },
  {
    name: "deletes a message after its first record",
    file: `${DRAIN}/loop.ts`,
    from: "({ isLast, message }) => isLast && !left.has(message.messageId)",
    to: "({ message }) => !left.has(message.messageId)",
  },
  {
    name: "deletes what is left for the dead-letter queue",
    file: `${DRAIN}/loop.ts`,
    from: "isLast && !left.has(message.messageId)",
    to: "isLast",
  },
  {
    name: "releases nothing at the end",
    file: `${DRAIN}/loop.ts`,
    from: "(await within(SQS_GRACE_MS, this.#inFlight.releaseAll())) ?? 0",
    to: "(await within(SQS_GRACE_MS, Promise.resolve(0))) ?? 0",
  },
  {
    name: "counts as released what could not be released",
    file: `${DRAIN}/loop.ts`,
    from: "this.#counts.released += released;\n    // A run",
    to: "this.#counts.released += unfinished;\n    // A run",
  },
  {
    name: "reads the count of released messages before it waits",
    file: `${DRAIN}/loop.ts`,
    from: "          const released = await release(queue, messages);\n",
    to:
      "          const before = this.#counts.released;\n" +
      "          const released = before + (await release(queue, messages));\n" +
      "          this.#counts.released = 0;\n",
  },
  {
    name: "does not report what it could not release beyond its limit",
    file: `${DRAIN}/loop.ts`,
    from: "          this.#unreleased += messages.length;\n",
    to: "          this.#unreleased += 0;\n",
  },
  {
    name: "does not report what it had not yet released beyond its limit",
    file: `${DRAIN}/loop.ts`,
    from:
      "          this.#unreleased += messages.length;\n" +
      "          const released = await release(queue, messages);\n",
    to:
      "          const released = await release(queue, messages);\n" +
      "          this.#unreleased += messages.length;\n",
  },
  {
    name: "waits without end after a signal",
    file: `${DRAIN}/loop.ts`,
    from: "await clock.wait(graceMs, over.signal);",
    to: "await clock.wait(graceMs * 50, over.signal);",
  },
  {
    name: "does not count deliveries of a message in flight",
    file: `${DRAIN}/loop.ts`,
    from: "this.#counts.duplicates += 1;",
    to: ";",
  },
  {
    name: "reports a failed run as a success",
    file: `${DRAIN}/loop.ts`,
    from: "if (!stop.aborted) throwFirst(this.#failures);",
    to: "",
  },
  {
    name: "does not report that Postgres has not answered",
    file: `${DRAIN}/loop.ts`,
    from: "const databaseSilent = this.#isLoading;",
    to: "const databaseSilent = false;",
  },
  {
    name: "does not stop at its time limit",
    file: `${DRAIN}/loop.ts`,
    from: "if (!over.aborted) this.#halt.abort(OUT_OF_TIME);",
    to: "",
  },
  {
    name: "retries the delete of a message that it has forgotten",
    file: `${DRAIN}/deleter.ts`,
    from: "        entries.map(({ messageId }) => messageId),\n",
    to: "        messageIds,\n",
  },
  {
    name: "counts a failed delete as deleted",
    file: `${DRAIN}/deleter.ts`,
    from: "if (failure === undefined) counts.deleted += 1;",
    to: "counts.deleted += 1;",
  },
  {
    name: "does not delete again with a newer handle",
    file: `${DRAIN}/deleter.ts`,
    from: "if (outdated || failure?.senderFault === false)",
    to: "if (failure?.senderFault === false)",
  },
  {
    name: "does not retry a delete that failed",
    file: `${DRAIN}/deleter.ts`,
    from: "if (!isRetryable(error) || !(await backoff.pause(this.#options.hurry))) throw error;",
    to: "throw error;",
  },
  {
    name: "never extends a visibility timeout",
    file: `${DRAIN}/in-flight.ts`,
    from: "hiddenUntil - this.#timeoutMs / 2 <= now",
    to: "hiddenUntil <= now",
  },
  {
    name: "extends no more after a failed call",
    file: `${DRAIN}/in-flight.ts`,
    from: "      delivery.isExtending = false;\n",
    to: "      delivery.isExtending = failed === undefined;\n",
  },
  {
    name: "lets all extensions wait for the slowest",
    file: `${DRAIN}/in-flight.ts`,
    from: "void this.#extend(part);",
    to: "await this.#extend(part);",
  },
  {
    name: "does not extend the newer delivery while a call extends the older",
    file: `${DRAIN}/in-flight.ts`,
    from: "    held.isExtending = false;\n    return false;",
    to: "    return false;",
  },
  {
    name: "takes an extension that failed for one that succeeded",
    file: `${DRAIN}/in-flight.ts`,
    from: "if (failed !== undefined && !notExtended.has(index))",
    to: "if (failed !== undefined)",
  },
  {
    name: "buffers a message in flight again",
    file: `${DRAIN}/in-flight.ts`,
    from: "    held.isExtending = false;\n    return false;",
    to: "    held.isExtending = false;\n    return true;",
  },
  {
    name: "keeps the first receipt handle",
    file: `${DRAIN}/in-flight.ts`,
    from: "    held.receiptHandle = receiptHandle;\n",
    to: "",
  },
  {
    name: "treats a lost answer as a failure",
    file: `${DRAIN}/writer.ts`,
    from: "if (!(error instanceof DatabaseLost)) throw error;",
    to: "throw error;",
  },
  {
    name: "treats a lost answer as a success",
    file: `${DRAIN}/writer.ts`,
    from: "if (!(await backoff.pause(hurry))) throw error.failure;",
    to: "return { loaded: 0, quarantined: 0, duplicates: entries.length };",
  },
  {
    name: "does not count duplicates",
    file: `${DRAIN}/writer.ts`,
    from: "    counts.duplicates += duplicates;\n",
    to: "",
  },
  {
    name: "does not quarantine a single rejected record",
    file: `${DRAIN}/writer.ts`,
    from: "rejected.size > 0\n",
    to: "rejected.size > 1\n",
  },
  {
    name: "does not quarantine a refused record of several",
    file: `${DRAIN}/writer.ts`,
    from: "      item.rejected?.add(entry.record, reasons);\n",
    to: "",
  },
  {
    name: "drops the second half of a refused batch",
    file: `${DRAIN}/bisection.ts`,
    from: "return [items.slice(middle), items.slice(0, middle)];",
    to: "return [[], items.slice(0, middle)];",
  },
  {
    name: "writes the second half of a refused batch first",
    file: `${DRAIN}/bisection.ts`,
    from: "return [items.slice(middle), items.slice(0, middle)];",
    to: "return [items.slice(0, middle), items.slice(middle)];",
  },
  {
    name: "forgets a refused row",
    file: `${DRAIN}/bisection.ts`,
    from: "else refused.push({ item, error });",
    to: "else if (refused.length > 0) refused.push({ item, error });",
  },
  {
    name: "ends without asking for the counts",
    file: `${DRAIN}/poller.ts`,
    from: 'if (visible === 0) return "empty";',
    to: 'if (visible >= 0) return "empty";',
  },
  {
    name: "never gives back the room of a receive",
    file: `${DRAIN}/poller.ts`,
    from: "      this.#reserved -= max;\n",
    to: "",
  },
  {
    name: "accepts more messages than its limit",
    file: `${DRAIN}/poller.ts`,
    from: "    this.#received += wanted.length;\n",
    to: "",
  },
  {
    name: "keeps what the server sends beyond the limit",
    file: `${DRAIN}/poller.ts`,
    from: "if (wanted.length < messages.length) await release(messages.slice(wanted.length), asked);",
    to: "",
  },
  {
    name: "gives up at the first failure",
    file: `${DRAIN}/backoff.ts`,
    from: "remaining <= 0",
    to: "remaining < 10 * FIRST_PAUSE_MS * 2 ** this.#failures",
  },
  {
    name: "writes one entry too many per statement",
    file: `${DRAIN}/buffer.ts`,
    from: "next.items.length < this.#batchSize",
    to: "next.items.length <= this.#batchSize",
  },
  {
    name: "gives all records of a message one number",
    file: `${DRAIN}/entry.ts`,
    from: "      record: index,\n",
    to: "      record: 0,\n",
  },
  {
    name: "drops the idempotency key",
    file: `${DRAIN}/entry.ts`,
    from: "      idempotency,\n    };",
    to: "    };",
  },
  {
    name: "quarantines all records of a partly rejected message",
    file: `${DRAIN}/entry.ts`,
    from: "...(records === undefined ? {} : { records })",
    to: "",
  },
  {
    name: "replays a message and leaves out its rejected records",
    file: "src/quarantine/replay.ts",
    from: "rejected: size === 0 ? undefined : { records, reasons }",
    to: "rejected: undefined",
  },
  {
    name: "marks a message as replayed when none of its records is loaded",
    file: "src/quarantine/replay.ts",
    from: "messages.filter((message) => message.passed > 0 || !staysRejected(message))",
    to: "messages",
  },
  {
    name: "knows a message by its queue too, so that two queues load it twice",
    file: `${WORLD}/tables.ts`,
    from: "return `${identityOf(queue, entry)} ${entry.record}`;",
    to: "return `${queue} ${identityOf(queue, entry)} ${entry.record}`;",
  },
  {
    name: "deletes duplicates that the standby does not have yet",
    file: `${WORLD}/database.ts`,
    from: 'const waits = this.replication === "synchronous";',
    to: 'const waits = this.replication === "synchronous" && change.writes;',
  },
  {
    name: "counts what commits during the retry as duplicates",
    file: `${DRAIN}/settling-loader.ts`,
    from: "if (mayBeLate) committed",
    to: "if (!mayBeLate) committed",
  },
  {
    name: "lets a cancelled statement settle what an earlier one left unknown",
    file: `${DRAIN}/settling-loader.ts`,
    from: "else if (error instanceof RowRefused && keys.length === 1) {",
    to: "else {",
  },
  {
    name: "does not search for what a lost statement committed",
    file: `${DRAIN}/settling-loader.ts`,
    from: "this.#unsettled.set(key, this.#answeredAt);",
    to: "continue;",
  },
  {
    name: "counts a record again that it had loaded before the connection was lost",
    file: `${DRAIN}/settling-loader.ts`,
    from: "this.#unsettled.set(key, this.#answeredAt);",
    to: "this.#unsettled.set(key, undefined);",
  },
  {
    name: "counts a record again that it had found when the connection was lost before",
    file: `${DRAIN}/settling-loader.ts`,
    from: "    this.#answeredAt = answeredAt;\n",
    to: "",
  },
  {
    name: "prunes entries of messages that SQS can still deliver",
    file: `${WORLD}/tables.ts`,
    from: "days * DAY_MS",
    to: "(days / 30) * DAY_MS",
  },
];

/** Thought out only after the simulation was finished. */
const UNSEEN: readonly Mutant[] = [
  {
    name: "leaves the last few messages undeleted",
    file: `${DRAIN}/deleter.ts`,
    from: "  async finish(): Promise<void> {\n    this.#start(1);\n",
    to: "  async finish(): Promise<void> {\n",
  },
  {
    name: "keeps a message in flight whose visibility timeout has expired",
    file: `${DRAIN}/deleter.ts`,
    from: "if (handle === undefined) inFlight.forget(messageId);",
    to: "",
  },
  {
    name: "reports no message that stays hidden",
    file: `${DRAIN}/loop.ts`,
    from: "leftHidden: unfinished - released + this.#unreleased,",
    to: "leftHidden: 0,",
  },
  {
    name: "quarantines a row whose statement was cancelled",
    file: `${DRAIN}/bisection.ts`,
    from: "else if (error instanceof StatementCancelled) throw error.failure;",
    to: "",
  },
  {
    name: "polls no more after the queue has counted visible messages",
    file: `${DRAIN}/poller.ts`,
    from: "    this.#emptyPolls = 0;\n    return undefined;",
    to: "    return undefined;",
  },
  {
    name: "replays the first page again and again",
    file: "src/quarantine/replay.ts",
    from: "page = await store.page(page.at(-1));",
    to: "page = await store.page(undefined);",
  },
  {
    name: "deletes a message that is rejected as a whole and left for the dead-letter queue",
    file: `${DRAIN}/writer.ts`,
    from: "[...rejected, ...whole]",
    to: "rejected",
  },
  {
    name: "does not note until when a newer delivery is hidden",
    file: `${DRAIN}/in-flight.ts`,
    from: "    held.hiddenUntil = hiddenUntil;\n",
    to: "",
  },
  {
    name: "loses a record in a replay that the mapping no longer finds in its message",
    file: `${DRAIN}/entry.ts`,
    from: '  for (const index of missing) yield { index, kind: "rejected", reasons: ["missing"] };\n',
    to: "",
  },
  {
    name: "takes a message that it leaves at once for one that it has seen",
    file: `${DRAIN}/loop.ts`,
    from: "    return isNew;\n",
    to: "    return isNew && messages.some(({ messageId }) => !this.#leftIds.has(messageId));\n",
  },
  {
    name: "takes a batch of duplicates as proof that the table accepts rows",
    file: `${DRAIN}/bisection.ts`,
    from: "if ((await this.#load(part)) > 0) this.#passed = true;",
    to: "await this.#load(part);\n        this.#passed = true;",
  },
  {
    name: "does not release what it could not delete before a signal",
    file: `${DRAIN}/deleter.ts`,
    from: "    if (!this.#options.hurry.aborted)\n",
    to: "",
  },
  {
    name: "counts failed receives although others were answered in between",
    file: `${DRAIN}/poller.ts`,
    from: "      this.#receiveBackoff.reset();\n",
    to: "",
  },
  {
    name: "counts skipped records in a replay that were not in the quarantine",
    file: `${DRAIN}/entry.ts`,
    from: "if (missing.delete(record.index)) yield record;",
    to: 'if (missing.delete(record.index) || record.kind === "skipped") yield record;',
  },
  {
    name: "receives several messages of a group at a time and leaves some",
    file: `${DRAIN}/loop.ts`,
    from: 'const oneByOne = careful || (queue.isFifo && this.#settings.onReject === "leave");',
    to: "const oneByOne = careful;",
  },
  {
    name: "counts as stored NULL what Postgres refused",
    file: `${DRAIN}/writer.ts`,
    from: "tally(counts, refusedItems.has(item) ? { ...item, setNull: [] } : item)",
    to: "tally(counts, item)",
  },
  {
    name: "counts a delete twice that is repeated with the newer receipt handle",
    file: `${DRAIN}/deleter.ts`,
    from: "if (outdated || failure?.senderFault === false) again.push(messageId);\n",
    to: "if (outdated && failure === undefined) counts.deleted += 1;\n      if (outdated || failure?.senderFault === false) again.push(messageId);\n",
  },
  {
    name: "does not admit a receive when a write has freed memory",
    file: `${DRAIN}/buffer.ts`,
    from: "    this.#heldBytes -= bytes;\n    this.#admitReaders();\n",
    to: "    this.#heldBytes -= bytes;\n",
  },
  {
    name: "seals a message without its only attribute",
    file: `${DRAIN}/entry.ts`,
    from: "Object.keys(attributes).length === 0",
    to: "Object.keys(attributes).length <= 1",
  },
  {
    name: "goes on after the last message that could be opened",
    file: "src/quarantine/replay.ts",
    from: "page = await store.page(page.at(-1));",
    to: "page = await store.page(messages.at(-1)?.held);",
  },
  {
    name: "wakes the poller after a write only if there is something to delete",
    file: `${DRAIN}/loop.ts`,
    from: "        this.#wakePoller();\n        const ended",
    to: "        const ended",
  },
  {
    name: "takes ten refused records of a message for a fault of the table",
    file: `${DRAIN}/writer.ts`,
    from: "return new Set(refused.map(({ item }) => item.entry.messageId)).size >= ALIKE;",
    to: "return refused.length >= ALIKE;",
  },
  {
    name: "waits for the next message while a delete fails",
    file: `${DRAIN}/deleter.ts`,
    from: "this.#waiting.length + this.#calls.size + this.#failures.length === 0",
    to: "this.#waiting.length + this.#failures.length === 0",
  },
  {
    name: "marks a message of which a replay has loaded nothing",
    file: "src/quarantine/replay.ts",
    from: "      item.message.passed -= 1;\n",
    to: "",
  },
  {
    name: "reports that the queue was empty when the time limit ended a run",
    file: `${DRAIN}/loop.ts`,
    from: 'if (this.#halt.signal.reason === OUT_OF_TIME || polled === "max-seconds")',
    to: 'if (polled === "max-seconds")',
  },
  {
    name: "counts entries for the quarantine among the rows when all rows are refused",
    file: `${DRAIN}/writer.ts`,
    from: "refused.length === rows.length",
    to: "refused.length === writable.length",
  },
  {
    name: "hides again what it has released",
    file: `${DRAIN}/in-flight.ts`,
    from: "    this.#deliveries.clear();\n",
    to: "",
  },
  {
    name: "counts an entry of several records as one after a lost connection",
    file: `${DRAIN}/settling-loader.ts`,
    from: "countRecords(before) - rowsBefore",
    to: "before.length - rowsBefore",
  },
];

export const LOOP_MUTANTS: readonly Mutant[] = [...PLANNED, ...UNSEEN];
