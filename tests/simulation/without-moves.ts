/** Waiting until no server has a move left that it could make by itself (R1, R5, P6; oracles/moves.ts). */
import type { History } from "./history.ts";
import type { Losses } from "./losses.ts";
import type { Machine } from "./machine.ts";
import { overstayingCopies, type Placement, permittedMoves, placementOf, type Shuns } from "./oracles/moves.ts";
import { comeToRest, lookAround, type RestView } from "./rest.ts";
import type { Swarm } from "./swarm.ts";

interface Looking {
  readonly swarm: Swarm;
  readonly history: History;
  readonly losses: Losses;
  readonly machines: readonly Machine[];
  /** What the policy in force says of places. */
  readonly shuns?: Shuns | undefined;
}

/** Files whose pulls failed amid faults are tried again after five minutes at most. */
const MOVES_LIMIT_MS = 400_000;
const LOOK_EVERY_MS = 10_000;
const REST_LIMIT_MS = 180_000;

/** What a swarm at rest looks like once there is none left. Fails the run when there is one for too long. */
export async function withoutMoves(looking: Looking): Promise<RestView> {
  const { swarm, history, losses, machines } = looking;
  const { world } = swarm;
  const endMs = world.nowMs + MOVES_LIMIT_MS;
  for (;;) {
    const view = await lookAround(swarm, history, losses, machines);
    const placement = placementIn(looking, view);
    const [move] = permittedMoves(placement);
    const [copy] = overstayingCopies(placement);
    if (move === undefined && copy === undefined) return view;
    if (world.nowMs > endMs) {
      if (move !== undefined) world.fail("R1", `a move is left: ${move}`);
      if (copy !== undefined) world.fail("R5", copy);
      return view;
    }
    await world.sleep(LOOK_EVERY_MS);
    const reason = await comeToRest(swarm, machines, REST_LIMIT_MS);
    if (reason === undefined) continue;
    world.fail("liveness", `no rest after further moves: ${reason}`);
    return view;
  }
}

export function placementIn({ swarm, losses, shuns }: Looking, view: RestView): Placement {
  return placementOf(view, losses, { reserve: swarm.reserve, writeCopies: swarm.config.writeCopies, shuns });
}
