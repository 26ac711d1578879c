// What an operator does beside the drains: configures other masking keys and mappings, rotates, forgets, and purges the quarantine.
import { EXIT } from "../../src/cli/exit-codes.ts";
import { explain } from "../../src/explain.ts";
import { maskedFields } from "../../src/mapping/fields.ts";
import { maskOf } from "../../src/masking/token.ts";
import { createRemask } from "../../src/recovery/remask.ts";
import { rotate } from "../../src/recovery/rotate.ts";
import type { SimulatedDatabase } from "./database.ts";
import { checkRotated } from "./promises.ts";
import { forget, openRotation, purgeQuarantine } from "./recovery.ts";
import { Life } from "./schedule.ts";
import type { Shape } from "./sent.ts";
import { MOST_KEYS, setupOf, type Accepts, type Setup } from "./setups.ts";
import { OPENER } from "./vault.ts";
import type { World } from "./world.ts";

export class Operator {
  /** How many rotations were started. */
  rotations = 0;
  /** Whether the mapping was changed. */
  hasOtherMapping = false;
  readonly #world: World;
  readonly #database: SimulatedDatabase;
  readonly #shape: Shape;
  #keys = 1;
  #accepts: Accepts = "usual";
  #dedupe: boolean;
  #others = 0;

  constructor(world: World, database: SimulatedDatabase, shape: Shape) {
    this.#world = world;
    this.#database = database;
    this.#shape = shape;
    this.#dedupe = shape.hasDedupe;
  }

  /** What a process that starts now is configured with. */
  get setup(): Setup {
    return setupOf(this.#shape, this.#accepts, this.#dedupe, this.#keys);
  }

  /** The same with a mapping that accepts others. */
  setupThat(accepts: Accepts): Setup {
    return setupOf(this.#shape, accepts, this.#dedupe, this.#keys);
  }

  /** Puts a new masking key before the others. A duplicate by `dedupe` is none under it. */
  addKey(): void {
    if (this.#dedupe) this.#database.acceptsLater = true;
    this.#keys = Math.min(this.#keys + 1, MOST_KEYS);
    this.#world.note("operator", () => `configures the masking key ${this.#keys}`);
  }

  changeMapping(): void {
    const { random } = this.#world;
    this.#accepts = random.pick<Accepts>(["fewer", "usual", "more"]);
    this.#dedupe = this.#shape.hasDedupe && random.chance(0.7);
    this.hasOtherMapping = true;
    this.#database.acceptsLater = true;
    this.#world.note(
      "operator",
      () => `changes the mapping: it accepts ${this.#accepts}, dedupe ${this.#dedupe}`,
    );
  }

  /** Copies the table as it is. No rotation may run. */
  copyTable(): void {
    const { rows, vault } = this.#database;
    for (const { token, commit } of rows.values())
      if (commit.replicatedAt <= this.#world.schedule.now) vault.inCopy.add(token);
    this.#world.note("operator", () => "copies the table");
  }

  /** One process that rotates to the current masking key; another one if it was killed or failed. */
  async rotate(): Promise<void> {
    for (let more = 0; more < 3; more += 1) {
      const ending = await this.#rotate();
      if (ending === "ended" || this.#world.random.chance(0.3)) return;
    }
  }

  #rotate(): Promise<"ended" | "failed" | "killed"> {
    const world = this.#world;
    const { schedule, faults, random } = world;
    const life = new Life(`rotate-${(this.rotations += 1)}`, schedule);
    const { keys, mapping } = this.setup;
    const [current, ...earlier] = keys;
    const { keyId } = current;
    // It only checks tokens with them.
    const known = faults.play("keys missing")
      ? random.some(earlier, random.integer(0, earlier.length))
      : earlier;
    world.note(life.name, () => `rotates to ${keyId}`);
    const stop = new AbortController();
    if (faults.play("stop"))
      life.after(world.soon(), () => {
        world.note(life.name, () => "gets a signal");
        stop.abort();
      });
    const killed = world.mayKill(life, () => 2 ** world.random.between(0, 12));
    const remask = createRemask({
      ...{ opener: OPENER, keys: [current, ...known], fields: maskedFields(mapping) },
      // Nonces: a random one for each takes too long.
      randomBytes: (length) => new Uint8Array(length).fill(this.rotations),
    });
    const rotation = openRotation(world, this.#database, life, current, remask, stop.signal);
    const [since, lostBefore] = [schedule.now, this.#database.lostCommits];
    const work = rotate(rotation.tables, stop.signal)
      .then(
        (report) => {
          world.note(life.name, () => `ends: ${JSON.stringify(report)}`);
          if (this.#database.lostCommits === lostBefore)
            checkRotated(world, this.#database, { ...rotation, name: life.name, keyId, report, since });
          return "ended" as const;
        },
        (error: unknown) => this.#explain(life, error),
      )
      .finally(() => {
        life.kill();
      });
    return Promise.race([work, killed]);
  }

  /** One process that forgets the values in a few rows: their tokens, or those of all masking keys. */
  forget(): Promise<void> {
    const { random } = this.#world;
    const { setup } = this;
    const some = random.some([...this.#database.rows.values()], random.integer(1, 3));
    const isWhole = random.chance(0.5);
    const purges = random.chance(0.5);
    const tokens = new Set(
      some.flatMap(({ token, record: { secret } }) =>
        isWhole ? [token, ...setup.keys.map((keys) => maskOf(keys, "secret")(Buffer.from(secret)))] : [token],
      ),
    );
    // `forget` refuses tokens that it does not find.
    const found = [...tokens].filter((token) => this.#database.vault.entries.has(token));
    return this.#run("forget", async (life) => {
      this.#world.note(life.name, () => `forgets ${found.join(" ")}`);
      await forget(this.#database, life, setup, found, purges);
    });
  }

  /** One process that purges the quarantine. */
  purgeQuarantine(): Promise<void> {
    const days = this.#world.random.pick([0, 1, 7]);
    return this.#run("purge", async (life) => {
      this.#world.note(life.name, () => `purges what is older than ${days} days`);
      await purgeQuarantine(this.#world, this.#database, life, days);
    });
  }

  async #run(what: string, work: (life: Life) => Promise<void>): Promise<void> {
    const life = new Life(`${what}-${(this.#others += 1)}`, this.#world.schedule);
    const killed = this.#world.mayKill(life, () => 2 ** this.#world.random.between(0, 6));
    const ended = work(life)
      .catch((error: unknown) => this.#explain(life, error))
      .finally(() => {
        life.kill();
      });
    await Promise.race([ended, killed]);
  }

  #explain(life: Life, error: unknown): "failed" {
    const { code, sentence } = explain(error);
    if (code === EXIT.unexpected) throw error;
    this.#world.note(life.name, () => `fails: ${sentence}`);
    return "failed";
  }
}
