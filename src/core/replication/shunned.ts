/**
 * What becomes of copies that have no place on a server (R5: the policy's `prefer` says 0): elsewhere first, then away, and never
 * away from the last place. Surplus and zones come first. Pure.
 *
 * It ends. Count of each file's surplus only what is below 0: leaving and exchanging (R1) never lower that, since what leaves
 * keeps N copies, and what is copied in spite of having no place raises it. So that happens finitely often, and so does
 * leaving; from then on R1 alone decides.
 */

/** K - N, pulls that are announced counted as copies: whether a file is copied that has no place here. */
export function pullsShunned(surplus: number): boolean {
  return surplus < 0;
}

/**
 * Whether a copy is taken over (R3) that has no place here.
 *
 * @param surplus of the file
 * @param wanted surplus of the file that is to come in its place elsewhere; undefined when a quota is to be kept
 */
export function takesOverShunned(surplus: number, wanted: number | undefined): boolean {
  return surplus <= 0 && (wanted === undefined || wanted < 0);
}

/** Whether a copy goes that has no place here. `gainsZone`: it is the only one in a zone that the file wants (R4). */
export function leavesShunned(surplus: number, gainsZone: boolean): boolean {
  return surplus > 0 && !gainsZone;
}
