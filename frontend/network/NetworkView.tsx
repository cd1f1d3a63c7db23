export function NetworkView() {
  return <div />;
}
