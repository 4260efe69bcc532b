/** Scenario 10: the others with every server stopped and started in the middle. */
import { playLive } from "./play-live.ts";

playLive("with real processes, every server stopped and started in the middle (scenario 10)", { restarts: true });
