---------------------------- MODULE ExactlyOnce ----------------------------
(***************************************************************************)
(* How fetch-etl moves each message from SQS into Postgres exactly once.   *)
(* `npm run check:spec` checks each .cfg file in this folder with TLC.     *)
(*                                                                         *)
(* "Code:" names the functions that an action stands for. "SQS:" and       *)
(* "Postgres:" say what those servers do. An event is anything that does   *)
(* not happen in a run without trouble. MaxEvents limits their number.     *)
(*                                                                         *)
(* `Change` makes one change, to show what depends on it: a fault in the   *)
(* code, or an assumption about the servers that does not hold.            *)
(***************************************************************************)
EXTENDS Naturals, TLC

CONSTANTS Messages,   \* all sent to "queue" before the first run
          Rejected,   \* those that the mapping rejects: they belong in the quarantine
          Drains,     \* processes; each drains one queue at a time, again and again, as cron starts it
          MaxEvents,  \* the most events in a behavior
          Change      \* "none", or the name of one change

VARIABLES inQueue,    \* queue -> the messages in it, visible or hidden
          expired,    \* messages whose retention period is over
          drains,     \* drain -> the queue that it drains, and the stage of each message
          statements, \* statements that Postgres has received and not answered
          db,         \* what sessions of Postgres see: ledger, rows, quarantine
          durable,    \* what Postgres still has after a crash or a failover
          events      \* their number so far

vars == <<inQueue, expired, drains, statements, db, durable, events>>

Queues == {"queue", "dlq"}   \* a queue and its dead-letter queue
Idle == "idle"
Nobody == "nobody"           \* owner of a statement whose connection was lost
Whole == "whole"             \* the ledger's record of a quarantined message (WHOLE_MESSAGE)
First == "first"             \* the ledger's record of a row; a message has one record here

(***************************************************************************)
(* The assumptions. One change takes away each of them. The actions below  *)
(* assume more: SQS keeps a message until it is deleted or expires.        *)
(***************************************************************************)

\* SQS: a message keeps its id and its sent time when the redrive policy moves it to the dead-letter queue.
MoveKeepsIdentity == Change # "a move gives a message a new identity"

\* SQS: no message is delivered after its retention period, 14 days at most. The ledger keeps entries longer, and
\* fetch-etl gives up a message that is in flight for 12 hours.
LedgerOutlivesMessages == Change # "the ledger is pruned before the retention period ends"

\* Postgres: an insert that meets a key of an uncommitted transaction in a unique index waits for that transaction.
UniqueIndexWaits == Change # "a unique index does not wait"

\* Postgres: a commit is answered when it is on disk, and on the synchronous standby where one is configured.
CommitIsDurable == Change # "the standby is asynchronous"

\* All runs read a message with mappings that agree on whether it is rejected.
MappingsAgree == Change # "the mapping changes between two deliveries"

(***************************************************************************)
(* The tables.                                                             *)
(***************************************************************************)

\* Code: LEDGER_KEY in src/postgres/migrations.ts
Key(queue, m, record) ==
  IF MoveKeepsIdentity /\ Change # "the ledger's key has the queue" THEN <<m, record>> ELSE <<queue, m, record>>

\* What a drain writes for a message. Without the assumption, only one of the drains accepts it.
\* Code: createEntryMaker in src/drain/entry.ts
Entry(d, m) ==
  LET rejects == IF MappingsAgree THEN m \in Rejected ELSE d = CHOOSE e \in Drains : TRUE IN
  <<m, IF rejects THEN Whole ELSE First>>

Empty == [ledger |-> {}, rows |-> [m \in Messages |-> 0], held |-> [m \in Messages |-> 0], replaying |-> {}]

\* The tables after a commit that adds the entries to the ledger, and each as a row or to the quarantine.
Add(queue, entries) ==
  LET count(m, record) == IF <<m, record>> \in entries THEN 1 ELSE 0 IN
  [db EXCEPT !.ledger = @ \cup {Key(queue, e[1], e[2]) : e \in entries},
             !.rows = [m \in Messages |-> @[m] + count(m, First)],
             !.held = [m \in Messages |-> @[m] + count(m, Whole)]]

HasOutcome(tables, m) == tables.rows[m] + tables.held[m] > 0

(***************************************************************************)
(* A drain. The stages of a message: "none" (not held), "buffered",        *)
(* "writing" (in a statement), "committed" (to be deleted).                *)
(***************************************************************************)

NotHeld == [m \in Messages |-> "none"]
Runs(d) == drains[d].queue # Idle
Holds(d, m) == drains[d].stage[m] # "none"
Own(d) == {s \in statements : s.owner = d}
Event == events < MaxEvents /\ events' = events + 1
Plain == UNCHANGED events
Put(d, ms, stage) ==
  [drains EXCEPT ![d].stage = [m \in Messages |-> IF m \in ms THEN stage ELSE @[m]]]
Staged(d, stage) == {m \in Messages : drains[d].stage[m] = stage}

\* Postgres goes on with a statement whose connection was lost, and answers nobody.
Orphaned(d) == (statements \ Own(d)) \cup {[s EXCEPT !.owner = Nobody] : s \in {t \in Own(d) : t.state \in {"sent", "executed"}}}

\* Code: drain in src/drain/loop.ts, openLoader in src/postgres/load.ts
Start(d, queue) ==
  /\ ~Runs(d) /\ inQueue[queue] # {}
  /\ drains' = [drains EXCEPT ![d].queue = queue]
  /\ Plain /\ UNCHANGED <<inQueue, expired, statements, db, durable>>

\* SQS: delivers any message of the queue. That another drain holds it, or that it is hidden, is no guarantee.
\* Code: Poller.#receive in src/drain/poller.ts, Drain.#accept in src/drain/loop.ts, InFlight.add in src/drain/in-flight.ts
Receive(d, m) ==
  /\ Runs(d) /\ m \in inQueue[drains[d].queue] /\ ~Holds(d, m)
  /\ IF \E e \in Drains : Holds(e, m) THEN Event ELSE Plain
  /\ drains' = Put(d, {m}, "buffered")
  /\ UNCHANGED <<inQueue, expired, statements, db, durable>>

\* Also after a lost connection: the drain does not know whether its last statement was committed, and writes again.
\* Code: Drain.#writeAll in src/drain/loop.ts, Writer.#loadWithRetry in src/drain/writer.ts,
\* Code: SettlingLoader.load in src/drain/settling-loader.ts, openLoader.write in src/postgres/load.ts,
\* Code: writeEntries in src/postgres/write-entries.ts
Write(d) ==
  /\ Runs(d) /\ Own(d) = {}
  /\ \E ms \in SUBSET Staged(d, "buffered") \ {{}} :
       /\ drains' = Put(d, ms, "writing")
       /\ statements' = statements \cup
            {[owner |-> d, queue |-> drains[d].queue, batch |-> {Entry(d, m) : m \in ms}, fresh |-> {}, state |-> "sent"]}
  /\ Plain /\ UNCHANGED <<inQueue, expired, db, durable>>

\* The answer arrives. A statement that wrote nothing waits too: who committed its entries may still wait.
\* Code: Deleter.add in src/drain/deleter.ts, WAIT_FOR_STANDBY in src/postgres/write-entries.ts
Acknowledge(d) ==
  /\ \E s \in Own(d) :
       /\ \/ s.state = "durable"
          \/ s.state = "committed" /\ ~CommitIsDurable
          \/ s.state = "committed" /\ s.fresh = {} /\ Change = "a statement without new entries does not wait"
       /\ statements' = statements \ {s}
       /\ drains' = Put(d, Staged(d, "writing"),
                        IF s.fresh = {} /\ Change = "a duplicate is not deleted" THEN "none" ELSE "committed")
  /\ Plain /\ UNCHANGED <<inQueue, expired, db, durable>>

\* Somebody cancels the wait for the synchronous standby: Postgres answers with a warning, and the run fails.
\* Code: connect.replicated in src/postgres/connection.ts
CancelWait(d) ==
  /\ Event
  /\ \E s \in Own(d) : s.state = "committed" /\ statements' = statements \ {s}
  /\ drains' = Put(d, Staged(d, "writing"), IF Change = "a cancelled wait counts as a commit" THEN "committed" ELSE "none")
  /\ UNCHANGED <<inQueue, expired, db, durable>>

\* The connection breaks before the answer, or the statement fails.
\* Code: DatabaseLost in src/drain/ports.ts, Writer.#loadWithRetry in src/drain/writer.ts
LoseConnection(d) ==
  /\ Event /\ Own(d) # {}
  /\ statements' = Orphaned(d)
  /\ drains' = Put(d, Staged(d, "writing"), IF Change = "an unknown outcome counts as a commit" THEN "committed" ELSE "buffered")
  /\ UNCHANGED <<inQueue, expired, db, durable>>

\* SQS: may not delete by an old receipt handle, and its answer may be lost.
\* Code: Deleter.#attempt in src/drain/deleter.ts, InFlight.validHandle in src/drain/in-flight.ts
Delete(d, m) ==
  LET deleted == [inQueue EXCEPT ![drains[d].queue] = @ \ {m}] IN
  /\ \/ /\ drains[d].stage[m] = "committed"
        /\ \/ Plain /\ inQueue' = deleted /\ drains' = Put(d, {m}, "none")
           \/ Event /\ inQueue' = deleted /\ UNCHANGED drains                       \* the answer is lost: again
           \/ Event /\ UNCHANGED inQueue /\ drains' = Put(d, {m}, "none")           \* SQS will deliver it again
     \/ /\ drains[d].stage[m] = "writing" /\ Change = "the delete comes before the commit"
        /\ Plain /\ inQueue' = deleted /\ UNCHANGED drains
  /\ UNCHANGED <<expired, statements, db, durable>>

\* With `--on-reject leave`: SQS delivers the message again, until the redrive policy moves it.
\* Code: Drain.#leave in src/drain/loop.ts
Leave(d, m) ==
  /\ Event /\ m \in Rejected /\ drains[d].stage[m] = "buffered"
  /\ drains' = Put(d, {m}, "none")
  /\ UNCHANGED <<inQueue, expired, statements, db, durable>>

\* The queue is empty, except for what other drains hold.
\* Code: Poller.#checkDepth in src/drain/poller.ts, Drain.run in src/drain/loop.ts
End(d) ==
  /\ Runs(d) /\ drains[d].stage = NotHeld
  /\ \A m \in inQueue[drains[d].queue] : \E e \in Drains : Holds(e, m)
  /\ drains' = [drains EXCEPT ![d].queue = Idle]
  /\ Plain /\ UNCHANGED <<inQueue, expired, statements, db, durable>>

\* A crash, a signal, a time limit or an error, at any point.
\* Code: InFlight.releaseAll in src/drain/in-flight.ts
Stop(d) ==
  /\ Event /\ Runs(d)
  /\ drains' = [drains EXCEPT ![d] = [queue |-> Idle, stage |-> NotHeld]]
  /\ statements' = Orphaned(d)
  /\ UNCHANGED <<inQueue, expired, db, durable>>

(***************************************************************************)
(* The replay and the pruning.                                             *)
(***************************************************************************)

\* The mapping was corrected. The entry in the quarantine stays for now.
\* Code: openReplay.load in src/postgres/replay.ts, replay in src/quarantine/replay.ts
ReplayLoad(m) ==
  /\ db.held[m] > 0 /\ Key("queue", m, First) \notin db.ledger
  /\ \A s \in statements : s.state = "executed" => <<m, First>> \notin s.fresh
  /\ db' = [Add("queue", {<<m, First>>}) EXCEPT !.replaying = @ \cup {m}]
  /\ Event /\ UNCHANGED <<inQueue, expired, drains, statements, durable>>

\* A commit of its own, after the answer to the first.
\* Code: openReplay.mark in src/postgres/replay.ts, replay in src/quarantine/replay.ts
ReplayMark(m) ==
  /\ db.held[m] > 0 /\ durable.rows[m] > 0
  /\ db' = [db EXCEPT !.held[m] = 0, !.replaying = @ \ {m}]
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, statements, durable>>

\* Not what a replay may still load: it must find what a redelivery or an interrupted replay has loaded.
\* Code: pruneLedger in src/postgres/ledger.ts, InFlight.keep in src/drain/in-flight.ts
Prune(m) ==
  /\ \/ ~LedgerOutlivesMessages
     \/ /\ m \in expired /\ \A d \in Drains : ~Holds(d, m)
        /\ \A s \in statements : m \notin {e[1] : e \in s.batch}
  /\ Change # "the ledger forgets quarantined messages" => db.held[m] = 0
  /\ \E ledger \in {db.ledger \ {Key(q, m, record) : q \in Queues, record \in {First, Whole}}} :
       ledger # db.ledger /\ db' = [db EXCEPT !.ledger = ledger]
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, statements, durable>>

(***************************************************************************)
(* Postgres.                                                               *)
(***************************************************************************)

Keys(s, entries) == {Key(s.queue, e[1], e[2]) : e \in entries}
Becomes(s, t) == (statements \ {s}) \cup {t}

\* Postgres: `insert ... on conflict do nothing` under READ COMMITTED. One statement holds all keys that it adds; it
\* takes them in the order of the keys, so that no two statements wait for each other.
Execute ==
  /\ \E s \in statements :
       /\ s.state = "sent"
       /\ UniqueIndexWaits => \A t \in statements : t.state = "executed" => Keys(t, t.fresh) \cap Keys(s, s.batch) = {}
       /\ statements' = Becomes(s, [s EXCEPT !.state = "executed",
                                             !.fresh = {e \in s.batch : Key(s.queue, e[1], e[2]) \notin db.ledger}])
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, db, durable>>

\* Postgres: others see the rows from here on, before the commit is durable.
Commit ==
  /\ \E s \in statements :
       /\ s.state = "executed"
       /\ db' = Add(s.queue, s.fresh)
       /\ statements' = IF s.owner = Nobody THEN statements \ {s} ELSE Becomes(s, [s EXCEPT !.state = "committed"])
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, durable>>

\* Postgres: notices that the connection is lost, and rolls back.
Abort ==
  /\ \E s \in statements : s.owner = Nobody /\ statements' = statements \ {s}
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, db, durable>>

\* Postgres: all commits until now reach the disk and the synchronous standby.
Flush ==
  /\ durable # db \/ \E s \in statements : s.state = "committed"
  /\ durable' = db
  /\ statements' = {IF s.state = "committed" THEN [s EXCEPT !.state = "durable"] ELSE s : s \in statements}
  /\ Plain /\ UNCHANGED <<inQueue, expired, drains, db>>

\* Postgres: restarts after a crash, or fails over to the standby. All connections are lost.
Recover ==
  /\ Event
  /\ db' = durable /\ statements' = {}
  /\ drains' = [d \in Drains |-> [drains[d] EXCEPT !.stage = [m \in Messages |-> IF @[m] = "writing" THEN "buffered" ELSE @[m]]]]
  /\ UNCHANGED <<inQueue, expired, durable>>

(***************************************************************************)
(* SQS.                                                                    *)
(***************************************************************************)

\* SQS: the redrive policy. It moves a message even if a drain still holds it.
Move(m) ==
  /\ m \in inQueue["queue"]
  /\ inQueue' = [queue |-> inQueue["queue"] \ {m}, dlq |-> inQueue["dlq"] \cup {m}]
  /\ Event /\ UNCHANGED <<expired, drains, statements, db, durable>>

\* SQS: a server that was not available still has a copy of a message that was deleted or moved.
Reappear(m, queue) ==
  /\ Event /\ m \notin expired /\ m \notin inQueue[queue]
  /\ inQueue' = [inQueue EXCEPT ![queue] = @ \cup {m}]
  /\ UNCHANGED <<expired, drains, statements, db, durable>>

\* SQS: the retention period of a message ends. A drain may still hold it.
Expire(m) ==
  /\ m \notin expired
  /\ expired' = expired \cup {m}
  /\ inQueue' = [q \in Queues |-> inQueue[q] \ {m}]
  /\ Event /\ UNCHANGED <<drains, statements, db, durable>>

(***************************************************************************)
(* The specification.                                                      *)
(***************************************************************************)

Init ==
  /\ inQueue = [queue |-> Messages, dlq |-> {}]
  /\ expired = {}
  /\ drains = [d \in Drains |-> [queue |-> Idle, stage |-> NotHeld]]
  /\ statements = {}
  /\ db = Empty /\ durable = Empty
  /\ events = 0

Work(d) ==
  \/ \E m \in Messages : Receive(d, m) \/ Delete(d, m)
  \/ Write(d) \/ Acknowledge(d) \/ End(d)

Serve == Execute \/ Commit \/ Flush

Next ==
  \/ \E d \in Drains : Work(d) \/ Stop(d) \/ LoseConnection(d) \/ CancelWait(d)
  \/ \E d \in Drains, q \in Queues : Start(d, q)
  \/ \E d \in Drains, m \in Messages : Leave(d, m)
  \/ \E m \in Messages : ReplayLoad(m) \/ ReplayMark(m) \/ Prune(m) \/ Move(m) \/ Expire(m)
  \/ \E m \in Messages, q \in Queues : Reappear(m, q)
  \/ Serve \/ Abort \/ Recover

Spec == Init /\ [][Next]_vars

\* Cron starts drains on every queue, and neither a drain nor Postgres stops for ever between two steps.
FairSpec ==
  /\ Spec
  /\ WF_vars(Serve)
  /\ \A d \in Drains : WF_vars(Plain /\ Work(d))
  /\ \A q \in Queues : SF_vars(\E d \in Drains : Start(d, q))

(***************************************************************************)
(* The promises.                                                           *)
(***************************************************************************)

\* Never two.
NoDuplicates == \A m \in Messages : db.rows[m] <= 1 /\ db.held[m] <= 1

\* Never both, except between the two commits of a replay.
NeverBoth == \A m \in Messages : db.rows[m] > 0 /\ db.held[m] > 0 => m \in db.replaying

\* A message that is in no queue has its outcome, which no failover takes back. SQS itself deletes those that expire.
NothingLost ==
  \A m \in Messages : m \in expired \/ (\E q \in Queues : m \in inQueue[q]) \/ HasOutcome(durable, m)

\* A message is deleted only after its commit.
DeletedAfterCommit ==
  \A d \in Drains, m \in Messages : drains[d].stage[m] = "committed" => HasOutcome(durable, m)

\* Valid messages are rows; the others are in the quarantine until a replay.
RightTable == \A m \in Messages : db.held[m] > 0 => m \in Rejected

\* Each message gets its outcome, and leaves the queues.
EachGetsItsOutcome == \A m \in Messages : <>[](m \in expired \/ HasOutcome(durable, m))
QueuesGetEmpty == \A q \in Queues : <>[](inQueue[q] = {})

\* Every run ends.
EveryRunEnds == \A d \in Drains : []<>(~Runs(d))

\* Any drain could be any other.
Symmetry == Permutations(Drains)
=============================================================================
