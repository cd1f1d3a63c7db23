export function Drawers() {
  return <div />;
}
