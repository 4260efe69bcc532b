/** The original's scenarios with real processes. */
import { playLive } from "./play-live.ts";

playLive("with real processes", { restarts: false });
