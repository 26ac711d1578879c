// One seed, and whether the runs in its world kept the promises.
import { Scene } from "./scene.ts";
import { World } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  /** The promise that was broken; undefined where all were kept. */
  readonly broken: string | undefined;
  /** The faults that happened. */
  readonly played: readonly string[];
  readonly history: readonly string[];
  readonly messages: number;
  readonly steps: number;
  /** Messages that nobody owes an outcome: see `Sent.excused`. */
  readonly lostInFailover: number;
}

export interface Options {
  /** Allows no other faults than these. */
  readonly only?: ReadonlySet<string>;
  readonly withHistory?: boolean;
}

/** Runs one seed. */
export async function simulate(seed: number, { only, withHistory = false }: Options = {}): Promise<Outcome> {
  const world = new World(seed, { ...(only === undefined ? {} : { only }), withHistory });
  const scene = new Scene(world);
  const state = { isOver: false };
  const unexpected = (error: unknown): void => {
    world.breaks(
      `an unexpected error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  };
  const playing = scene
    .play()
    .catch(unexpected)
    .finally(() => {
      state.isOver = true;
    });
  try {
    await world.schedule.run(() => state.isOver || world.broken !== undefined);
    if (!state.isOver && world.broken === undefined)
      world.breaks("a run waits for something that never happens");
  } catch (error) {
    unexpected(error);
  }
  if (state.isOver) await playing;
  return {
    seed,
    broken: world.broken?.message,
    played: world.faults.played,
    history: world.history ?? [],
    messages: world.sent.size,
    steps: world.schedule.steps,
    lostInFailover: [...world.sent.values()].filter(({ excused }) => excused === "lost in a failover").length,
  };
}
