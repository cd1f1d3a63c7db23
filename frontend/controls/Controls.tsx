export function Controls() {
  return <div />;
}
