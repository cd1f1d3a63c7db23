// The angle dial's arithmetic: from an angle to a place in the drawing and back. No DOM here.
export const [WIDTH, HEIGHT, X, Y, RADIUS] = [156, 82, 80, 64, 50];
const KEYS: Record<string, number> = {
  ArrowRight: -1,
  ArrowLeft: 1,
  ArrowUp: 1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
};

/** The point at an angle in degrees, counted from the right, and a distance from the dial's middle. */
export function at(angle: number, distance: number): [number, number] {
  const turn = (angle * Math.PI) / 180;
  return [Number((X + distance * Math.cos(turn)).toFixed(2)), Number((Y - distance * Math.sin(turn)).toFixed(2))];
}

/** The angle, in whole degrees from 0 to 180, at which a point of the drawing lies. */
export function angleOf(x: number, y: number): number {
  const angle = (Math.atan2(Y - y, x - X) * 180) / Math.PI;
  return Math.round(angle >= 0 ? Math.min(180, angle) : angle < -90 ? 180 : 0);
}

/** Where a key turns the dial from `angle`; null for a key that does not. */
export function turned(angle: number, key: string, far: boolean): number | null {
  if (key === "Home") return 0;
  if (key === "End") return 180;
  if (!(key in KEYS)) return null;
  const by = KEYS[key] * (far && key.startsWith("Arrow") ? 10 : 1);
  return Math.min(180, Math.max(0, angle + by));
}
